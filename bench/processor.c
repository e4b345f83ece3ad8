#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "processor.h"

#include <sched.h>
#include <stdlib.h>

/* The processors that the process may use; asked once, before any thread has narrowed its own. */
static cpu_set_t allowed;

static size_t
nth_allowed(size_t index)
{
  size_t processor = 0;
  for (; !CPU_ISSET(processor, &allowed) || index > 0; processor++)
    if (CPU_ISSET(processor, &allowed))
      index--;
  return processor;
}

__attribute__((constructor)) static void
ask(void)
{
  sched_getaffinity(0, sizeof allowed, &allowed);
}

static cpu_set_t
only(size_t index)
{
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(nth_allowed(index % (size_t)CPU_COUNT(&allowed)), &one);
  return one;
}

void
use_processor(size_t index)
{
  cpu_set_t one = only(index);
  sched_setaffinity(0, sizeof one, &one);
}

void
start_on_processor(size_t index, pthread_t *thread, void *(*body)(void *), void *argument)
{
  cpu_set_t      one = only(index);
  pthread_attr_t there;
  pthread_attr_init(&there);
  pthread_attr_setaffinity_np(&there, sizeof one, &one);
  if (pthread_create(thread, &there, body, argument) != 0)
    abort();
  pthread_attr_destroy(&there);
}
