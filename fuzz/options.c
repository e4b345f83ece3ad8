/*
 * STUBALLOC, whatever stands in it: the options are as a simple reading of the text says, and each part
 * of it that is none is said, in one line.
 */
#include <signal.h>
#include <string.h>

#include "fuzz.h"
#include "os/os.h"

static unsigned lines;

void __wrap_sa_os_say(const char *line, size_t length);

void
__wrap_sa_os_say(const char *line, size_t length)
{
  must(length <= 256 && memcmp(line, "stuballoc: ", 11) == 0 && line[length - 1] == '\n',
       "what is said is a line");
  lines++;
}

/* 0: there is none such. */
static int
signal_named(const char *name)
{
  const char *const names[] = {"HUP", "USR1", "USR2", "WINCH", "QUIT", "ALRM"};
  const int         numbers[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGQUIT, SIGALRM};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (strcmp(name, names[i]) == 0)
      return numbers[i];
  return 0;
}

/* Whether it can be a file's name; then it is the one. */
static bool
name_file(char *file, const char *name)
{
  size_t length = strlen(name);
  if (length == 0 || length >= SA_TRACE_PATH)
    return false;
  memcpy(file, name, length + 1);
  return true;
}

/* What the text means: the last word for a switch counts. Returns how many parts are none. */
static unsigned
read_simply(char *text, struct sa_options *options)
{
  unsigned wrong = 0;
  char    *part;
  while ((part = strsep(&text, ",")))
    if (strcmp(part, "large_pages=on") == 0)
      options->large_pages = true;
    else if (strcmp(part, "large_pages=off") == 0)
      options->large_pages = false;
    else if (strcmp(part, "report=leaks") == 0)
      options->report_leaks = true;
    else if (strcmp(part, "report=exit") == 0)
      options->report_exit = true;
    else if (strcmp(part, "publish=on") == 0)
      options->publish = true;
    else if (strcmp(part, "publish=off") == 0)
      options->publish = false;
    else if (strcmp(part, "hardened=on") == 0)
      options->hardened = true;
    else if (strcmp(part, "hardened=off") == 0)
      options->hardened = false;
    else if (strcmp(part, "on_misuse=report") == 0)
      options->go_on = true;
    else if (strcmp(part, "on_misuse=abort") == 0)
      options->go_on = false;
    else if (strcmp(part, "signal") == 0 || strncmp(part, "signal=", 7) == 0)
      wrong += !(options->report_signal = signal_named(part[6] ? part + 7 : ""));
    else if (strcmp(part, "trace") == 0 || strncmp(part, "trace=", 6) == 0)
      wrong += !name_file(options->trace, part[5] ? part + 6 : "");
    else if (part[0] != '\0' && part[0] != '=')
      wrong++;
  return wrong;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sa_options expected = {0};
  char             *text = malloc(size + 1);
  must(text, "there is memory");
  memcpy(text, data, size);
  text[size] = '\0';
  sa_options = expected;
  lines = 0;
  sa_options_read(text);
  must(read_simply(text, &expected) == lines, "each part that is no option is said");
  must(sa_options.large_pages == expected.large_pages
         && sa_options.report_leaks == expected.report_leaks
         && sa_options.report_exit == expected.report_exit
         && sa_options.report_signal == expected.report_signal
         && sa_options.publish == expected.publish && sa_options.go_on == expected.go_on
         && sa_options.hardened == expected.hardened
         && strcmp(sa_options.trace, expected.trace) == 0,
       "the options are what the text says");
  sa_options = (struct sa_options){0}; /* or the last one would be followed when the process ends */
  free(text);
  return 0;
}
