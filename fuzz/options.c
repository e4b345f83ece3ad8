/*
 * STUBALLOC, whatever stands in it: the options are as a simple reading of the text says, and each part
 * of it that is none is said, in one line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "os/os.h"

static unsigned lines;

void __wrap_sa_os_say(const char *line, size_t length);
int  LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "fuzz: not so: %s\n", what);
  abort();
}

void
__wrap_sa_os_say(const char *line, size_t length)
{
  must(length <= 256 && memcmp(line, "stuballoc: ", 11) == 0 && line[length - 1] == '\n',
       "what is said is a line");
  lines++;
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
    else if (part[0] != '\0' && part[0] != '=')
      wrong++;
  return wrong;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sa_options expected = {false, false};
  char             *text = malloc(size + 1);
  must(text, "there is memory");
  memcpy(text, data, size);
  text[size] = '\0';
  sa_options = expected;
  lines = 0;
  sa_options_read(text);
  must(read_simply(text, &expected) == lines, "each part that is no option is said");
  must(sa_options.large_pages == expected.large_pages
         && sa_options.report_leaks == expected.report_leaks,
       "the options are what the text says");
  free(text);
  return 0;
}
