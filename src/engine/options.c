/* STUBALLOC=key=value,key=value */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "os/os.h"

#ifdef SA_HARDENED
struct sa_options sa_options = {.hardened = true};
#else
struct sa_options sa_options;
#endif

/* A piece of the text; nothing is copied. */
struct piece {
  const char *text;
  size_t      length;
};

static bool
is(struct piece piece, const char *word)
{
  return strlen(word) == piece.length && memcmp(word, piece.text, piece.length) == 0;
}

/* Takes what is before the separator off the front of the rest. */
static struct piece
next_piece(struct piece *rest, char separator)
{
  const char  *end = memchr(rest->text, separator, rest->length);
  struct piece piece = {rest->text, end ? (size_t)(end - rest->text) : rest->length};
  size_t       taken = piece.length + (end ? 1 : 0);
  rest->text += taken;
  rest->length -= taken;
  return piece;
}

static void
read_switch(bool *to, struct piece key, struct piece value)
{
  if (is(value, "on"))
    *to = true;
  else if (is(value, "off"))
    *to = false;
  else
    sa_say("bad value '%.*s' for '%.*s' in STUBALLOC; using %s", (int)value.length, value.text,
           (int)key.length, key.text, *to ? "on" : "off");
}

static void
read_signal(struct piece name)
{
  sa_options.report_signal = sa_os_signal_number(name.text, name.length);
  if (sa_options.report_signal == 0)
    sa_say("bad value '%.*s' for 'signal' in STUBALLOC; there are 'USR1', 'USR2', 'HUP' and "
           "others; using none",
           (int)name.length, name.text);
}

static void
read_on_misuse(struct piece value)
{
  if (is(value, "report"))
    sa_options.go_on = true;
  else if (is(value, "abort"))
    sa_options.go_on = false;
  else
    sa_say("bad value '%.*s' for 'on_misuse' in STUBALLOC; there are 'abort' and 'report'; "
           "using %s",
           (int)value.length, value.text, sa_options.go_on ? "report" : "abort");
}

static void
read_path(struct piece path)
{
  if (path.length == 0 || path.length >= sizeof sa_options.trace) {
    sa_say("bad value '%.*s' for 'trace' in STUBALLOC; it is a file's name; recording nothing",
           (int)path.length, path.text);
    return;
  }
  memcpy(sa_options.trace, path.text, path.length);
  sa_options.trace[path.length] = '\0';
}

static void
read_option(struct piece value)
{
  struct piece key = next_piece(&value, '=');
  if (is(key, "large_pages"))
    read_switch(&sa_options.large_pages, key, value);
  else if (is(key, "report") && is(value, "leaks"))
    sa_options.report_leaks = true;
  else if (is(key, "report") && is(value, "exit"))
    sa_options.report_exit = true;
  else if (is(key, "report"))
    sa_say("bad value '%.*s' for 'report' in STUBALLOC; there are 'leaks' and 'exit'; using none",
           (int)value.length, value.text);
  else if (is(key, "publish"))
    read_switch(&sa_options.publish, key, value);
  else if (is(key, "hardened"))
    read_switch(&sa_options.hardened, key, value);
  else if (is(key, "signal"))
    read_signal(value);
  else if (is(key, "trace"))
    read_path(value);
  else if (is(key, "on_misuse"))
    read_on_misuse(value);
  else if (key.length > 0)
    sa_say("unknown option '%.*s' in STUBALLOC", (int)key.length, key.text);
}

void
sa_options_read(const char *text)
{
  struct piece rest = {text, strlen(text)};
  while (rest.length > 0)
    read_option(next_piece(&rest, ','));
}
