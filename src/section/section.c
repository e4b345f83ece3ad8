/* Handles: what is asked for is looked at here, and done by the system's part. */
#include "section/section.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- the lock --------------------------------------------------------------------------------- */

/* The thread that has it, by the name that os/thread.h gives it. Taken by compare-and-swap with
 * acquire, given with release. */
static _Atomic(void *) owner;
/* The owner's alone. */
static unsigned depth;
static int      cancel_before;

void
sa_section_lock(void)
{
  void *none = NULL;
  if (atomic_load_explicit(&owner, memory_order_relaxed) != sa_os_thread())
    while (!atomic_compare_exchange_weak_explicit(&owner, &none, sa_os_thread(),
                                                  memory_order_acquire, memory_order_relaxed)) {
      none = NULL;
      sa_os_yield();
    }
  if (depth++ == 0)
    cancel_before = sa_os_forbid_cancel();
}

void
sa_section_unlock(void)
{
  if (--depth > 0)
    return;
  int cancel = cancel_before;
  atomic_store_explicit(&owner, NULL, memory_order_release);
  sa_os_allow_cancel(cancel);
}

unsigned sa_section_process = 1;

/* --- users ------------------------------------------------------------------------------------ */

static struct sa_section *sections;

struct sa_section *
sa_section_first(void)
{
  return sections;
}

void
sa_section_use(struct sa_section *section)
{
  section->users++;
}

static void
unlist(const struct sa_section *section)
{
  struct sa_section **link = &sections;
  while (*link != section)
    link = &(*link)->next;
  *link = section->next;
}

void
sa_section_drop(struct sa_section *section)
{
  int saved = errno;
  sa_section_lock();
  bool last = --section->users == 0;
  if (last) {
    unlist(section);
    sa_backing_close(&section->backing); /* under the lock: a fork must find it open or closed */
  }
  sa_section_unlock();
  if (last)
    free(section);
  errno = saved;
}

/* --- errors ----------------------------------------------------------------------------------- */

void *
sa_section_no(int error)
{
  errno = error;
  return NULL;
}

int
sa_section_failed(int error)
{
  if (!error)
    return 0;
  errno = error;
  return -1;
}

/* --- what is asked for ------------------------------------------------------------------------ */

static int
check_size(uint64_t size)
{
  if (size == 0)
    return EINVAL;
  return size > PTRDIFF_MAX ? EOVERFLOW : 0;
}

static int
check_name(const char *name)
{
  if (!*name || strpbrk(name, "/\\"))
    return EINVAL;
  return strnlen(name, SA_SECTION_NAME_MAX + 1) > SA_SECTION_NAME_MAX ? ENAMETOOLONG : 0;
}

static int
check_flags(unsigned flags, unsigned allowed)
{
  const unsigned either = SA_SECTION_GROUP | SA_SECTION_ALL;
  const unsigned nothing = SA_SECTION_READ_ONLY | SA_SECTION_EXCLUSIVE; /* is in it to be read */
  bool           contradict = (flags & either) == either || (flags & nothing) == nothing;
  return flags & ~allowed || contradict ? EINVAL : 0;
}

/* --- making handles --------------------------------------------------------------------------- */

/* One without a backing, with its user's handle. */
static struct sa_section *
new_section(const char *name, unsigned flags)
{
  sa_section_watch_forks();
  struct sa_section *section = calloc(1, sizeof *section + strlen(name) + 1);
  if (!section)
    return NULL;
  strcpy(section->name, name);
  section->flags = flags;
  section->users = 1;
  section->has_handle = true;
  section->backing.claims = section->backing.for_child = -1;
  section->backing.page = sa_os_page();
  sa_section_become_source(section);
  return section;
}

/* Lists it, or gives it up; `failed` is an errno value. */
static struct sa_section *
finish(struct sa_section *section, int failed)
{
  if (failed) {
    free(section);
    return sa_section_no(failed);
  }
  section->next = sections;
  sections = section;
  return section;
}

/* A new handle whose backing `make` opens. Under the lock, so that no fork comes in between. */
#define MAKE(section, make)                                                                        \
  do {                                                                                             \
    sa_section_lock();                                                                             \
    (section) = finish((section), (make));                                                         \
    sa_section_unlock();                                                                           \
  } while (0)

struct sa_section *
sa_section_create(const char *name, size_t size, unsigned flags)
{
  const unsigned wide = SA_SECTION_GROUP | SA_SECTION_ALL | SA_SECTION_OTHERS_READ;
  const unsigned large = SA_SECTION_LARGE_PAGES | SA_SECTION_LARGE_PAGES_OR_NOT;
  int            failed = check_flags(flags, name ? SA_SECTION_EXCLUSIVE | wide | large : large);
  if (!failed)
    failed = check_size(size);
  if (!failed && name)
    failed = check_name(name);
  if (failed)
    return sa_section_no(failed);
  struct sa_section *section = new_section(name ? name : "unnamed", flags);
  if (!section)
    return sa_section_no(ENOMEM);
  bool existed = false;
  section->size = size;
  MAKE(section, sa_backing_create(&section->backing, name, &section->size, flags, &existed));
  if (!section)
    return NULL;
  if (section->size != size) {
    sa_section_close(section);
    return sa_section_no(EMSGSIZE);
  }
  errno = existed ? EEXIST : 0;
  return section;
}

struct sa_section *
sa_section_create_file(const char *path, size_t size, unsigned flags)
{
  int failed = check_flags(flags, SA_SECTION_READ_ONLY | SA_SECTION_EXCLUSIVE | SA_SECTION_GROUP
                                    | SA_SECTION_ALL | SA_SECTION_OTHERS_READ | SA_SECTION_DURABLE);
  if (!failed)
    failed = check_size(size);
  if (failed)
    return sa_section_no(failed);
  struct sa_section *section = new_section(path, flags);
  if (!section)
    return sa_section_no(ENOMEM);
  section->size = size;
  MAKE(section, sa_backing_create_file(&section->backing, path, size, flags));
  return section;
}

struct sa_section *
sa_section_open(const char *name, unsigned flags)
{
  int failed = check_flags(flags, SA_SECTION_READ_ONLY | SA_SECTION_GROUP | SA_SECTION_ALL);
  if (!failed)
    failed = check_name(name);
  if (failed)
    return sa_section_no(failed);
  struct sa_section *section = new_section(name, flags);
  if (!section)
    return sa_section_no(ENOMEM);
  MAKE(section, sa_backing_open(&section->backing, name, &section->size, flags));
  return section;
}

struct sa_section *
sa_section_adopt(intptr_t descriptor, unsigned flags)
{
  int failed = check_flags(flags, SA_SECTION_READ_ONLY | SA_SECTION_DURABLE);
  if (failed)
    return sa_section_no(failed);
  struct sa_section *section = new_section("unnamed", flags);
  if (!section)
    return sa_section_no(ENOMEM);
  MAKE(section, sa_backing_adopt(&section->backing, descriptor, &section->size, flags));
  return section;
}

/* --- what a handle tells ---------------------------------------------------------------------- */

intptr_t
sa_section_descriptor(struct sa_section *s)
{
  if (!s->backing.file[0])
    return s->backing.object;
  errno = ENOTSUP;
  return -1;
}

uint64_t
sa_section_size(const struct sa_section *s)
{
  return s->size;
}

size_t
sa_section_page(const struct sa_section *s)
{
  return s->backing.page;
}

void
sa_section_close(struct sa_section *s)
{
  if (!s)
    return;
  sa_section_lock();
  s->has_handle = false;
  sa_section_give_up_units(s);
  sa_section_unlock();
  sa_section_drop(s);
}
