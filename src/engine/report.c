/* Figures on stderr: STUBALLOC=report=exit, and STUBALLOC=signal=NAME. */
#include <string.h>

#include "engine/engine.h"
#include "os/os.h"
#include "stuballoc/stats.h"

/* So that pieces go out together. */
struct page {
  size_t length;
  char   text[4096];
};

static void
flush(struct page *page)
{
  sa_os_say(page->text, page->length);
  page->length = 0;
}

static void
append(void *context, const char *text, size_t length)
{
  struct page *page = context;
  if (length > sizeof page->text - page->length)
    flush(page);
  memcpy(page->text + page->length, text, length);
  page->length += length;
}

static void
report(void)
{
  struct page page = {.length = 0};
  if (sa_write_stats(SA_STATS_TEXT, append, &page) == 0)
    flush(&page);
  else
    sa_say("no report: the system does not let this process look at its own memory");
}

void
sa_report_begin(void)
{
  if (sa_options.report_signal && !sa_os_on_signal(sa_options.report_signal, report))
    sa_say("signal: no thread to wait for it");
}

static SA_ATTRIBUTE(destructor) void report_at_exit(void)
{
  if (sa_options.report_exit)
    report();
}
