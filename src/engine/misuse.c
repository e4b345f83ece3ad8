/* What the library says, always on one line and without allocating. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/watch.h"
#include "os/os.h"

void
sa_say(const char *format, ...)
{
  static const char name[] = "stuballoc: ";
  char              line[256];
  va_list           arguments;
  memcpy(line, name, sizeof name);
  va_start(arguments, format);
  size_t room = sizeof line - sizeof name;
  int    length = vsnprintf(line + sizeof name - 1, room, format, arguments);
  va_end(arguments);
  size_t said = length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
  said += sizeof name - 1;
  for (size_t i = 0; i < said; i++) /* a name may be from anywhere */
    if ((unsigned char)line[i] < ' ')
      line[i] = '?';
  line[said++] = '\n';
  sa_os_say(line, said);
}

/* Relaxed: a statistic. */
static _Atomic size_t misuses;

size_t
sa_misuses(void)
{
  return atomic_load_explicit(&misuses, memory_order_relaxed);
}

void
sa_misuse(const char *what, const void *block, const char *reason)
{
  sa_say("%s of %p: %s", what, block, reason);
  if (!sa_options.go_on) {
    sa_watch_resume();
    abort();
  }
  atomic_fetch_add_explicit(&misuses, 1, memory_order_relaxed);
}

void
sa_misuse_fatal(const char *what, const void *block, const char *reason)
{
  sa_misuse(what, block, reason);
  abort();
}
