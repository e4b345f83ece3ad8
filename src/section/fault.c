/* What is said when a file was cut short under a view and its bytes are touched. */
#include <signal.h>
#include <stdio.h>

#include "section/section.h"

/* The signal comes from an instruction of the program, not from inside the library: only sections
 * that are just being made or closed by other threads may have to be waited for. */
static void
say(const void *address, const struct sa_view *view)
{
  char line[256];
  int  length = snprintf(line, sizeof line,
                         "stuballoc: access to %p: the file of section \"%.150s\" was cut short\n",
                         address, view->section->name);
  sa_os_say(line, (size_t)length);
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
  (void)context;
  sa_section_lock();
  const struct sa_view *view = sa_view_at(info->si_addr);
  if (view)
    say(info->si_addr, view);
  sa_section_unlock();
  /* the instruction is done again, and the program ends as it would have */
  signal(number, SIG_DFL);
}

void
sa_section_watch_faults(void)
{
  struct sigaction now;
  if (sigaction(SIGBUS, NULL, &now) != 0 || now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL)
    return; /* the program sees to it */
  struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigemptyset(&ours.sa_mask);
  sigaction(SIGBUS, &ours, NULL);
}
