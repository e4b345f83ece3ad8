/* Forks: the child's handles and views are users of their own; section.h tells why. */
#include <pthread.h>
#include <unistd.h>

#include "section/names.h"

static unsigned process; /* whose the units are, while it forks */

/* The lock is held from before the fork until after it, in both processes. */
static void
before(void)
{
  sa_section_lock();
  /* what else is called on the occasion, such as for scopes that end, is to leave the units alone */
  process = sa_section_process;
  sa_section_process = 0;
  for (struct sa_section *section = sa_section_first(); section; section = section->next)
    if (section->backing.file[0])
      section->backing.for_child = sa_name_share((int)section->backing.object);
}

static void
in_parent(void)
{
  for (struct sa_section *section = sa_section_first(); section; section = section->next) {
    if (section->backing.for_child >= 0)
      close((int)section->backing.for_child); /* the child has it, too */
    section->backing.for_child = -1;
  }
  sa_section_process = process;
  sa_section_unlock();
}

/* What its scopes had stays the parent's: they go on in copies, and what they claimed is left to
 * the parent. */
static void
leave_units(struct sa_section *section)
{
  struct sa_source *source = &section->source;
  if (!source->start)
    return;
  sa_backing_make_private(&section->backing, source->start, source->units * SA_SOURCE_UNIT);
  sa_backing_close_claims(&section->backing, source->units);
}

static void
in_child(void)
{
  for (struct sa_section *section = sa_section_first(); section; section = section->next) {
    struct sa_backing *backing = &section->backing;
    if (backing->for_child >= 0) {
      close((int)backing->object);
      backing->object = backing->for_child;
    } else {
      backing->file[0] = '\0'; /* what is still the parent's is not to be left, only closed */
    }
    backing->for_child = -1;
    leave_units(section);
  }
  sa_section_process = process + 1;
  sa_section_unlock();
}

static void
watch(void)
{
  pthread_atfork(before, in_parent, in_child);
}

void
sa_section_watch_forks(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch);
}
