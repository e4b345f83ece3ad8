/* What memcheck is told: see watch.h. */
#include "engine/watch.h"

#include <stdint.h>

#ifdef HAVE_VALGRIND_MEMCHECK_H

/* The thread's cache while it is not in its place; how many pauses there are. */
SA_EACH_THREADS_STATIC struct sa_cache *own_hidden = &sa_no_cache;
#define hidden SA_THIS_THREADS(own_hidden)
SA_EACH_THREADS_STATIC unsigned own_pauses;
#define pauses SA_THIS_THREADS(own_pauses)

/* No other tool of valgrind's knows this request, and what runs without valgrind does not, either. */
bool
sa_watch_is_there(void)
{
  char any = 0;
  return VALGRIND_MAKE_MEM_DEFINED(&any, sizeof any) != 0;
}

bool
sa_watch_is_on(void)
{
  return pauses == 0 && sa_watch_is_there();
}

void
sa_watch_pause_now(void)
{
  if (pauses == 0 && !sa_watch_is_there())
    return;
  if (pauses++ > 0)
    return;
  VALGRIND_DISABLE_ERROR_REPORTING;
  sa_self = hidden;
}

void
sa_watch_resume_now(void)
{
  if (pauses == 0 || --pauses > 0)
    return;
  hidden = sa_self;
  sa_self = &sa_no_cache;
  VALGRIND_ENABLE_ERROR_REPORTING;
}

/* What lies elsewhere is a section's, to which others write, too. */
void
sa_watch_out(const void *block, size_t size)
{
  if (sa_region_of(block))
    VALGRIND_MALLOCLIKE_BLOCK(block, size, 0, 0);
}

void
sa_watch_back(const void *block)
{
  if (sa_region_of(block))
    VALGRIND_FREELIKE_BLOCK(block, 0);
}

/* Memcheck knows it, for what is behind them must not be touched. */
size_t
sa_watch_size_now(const void *block, size_t room)
{
  if (!sa_region_of(block))
    return room;
  sa_watch_pause();
  uintptr_t end = VALGRIND_CHECK_MEM_IS_ADDRESSABLE(block, room);
  sa_watch_resume();
  return end ? (size_t)(end - (uintptr_t)block) : room;
}

void *
sa_watched_malloc(size_t size)
{
  if (pauses > 0)
    return sa_alloc_from_slab(size);
  if (size > PTRDIFF_MAX - SA_WATCH_ZONE)
    return sa_no_memory();
  sa_watch_pause();
  const char *call = sa_alone_pauses(); /* sa_malloc itself, which has come here */
  void       *block = sa_malloc(size + SA_WATCH_ZONE);
  sa_alone_goes_on(call);
  sa_watch_resume();
  if (block)
    sa_watch_out(block, size);
  return block;
}

void *
sa_watched_aligned_alloc(size_t alignment, size_t size)
{
  if (size > PTRDIFF_MAX - SA_WATCH_ZONE)
    return sa_no_memory();
  sa_watch_pause();
  void *block = sa_aligned_alloc(alignment, size + SA_WATCH_ZONE);
  sa_watch_resume();
  if (block)
    sa_watch_out(block, size);
  return block;
}

void
sa_watched_free(void *block)
{
  if (pauses > 0) {
    sa_free_any(block);
    return;
  }
  SA_ALONE(SA_IN_ENGINE, "sa_free");
  sa_watch_back(block);
  sa_watch_pause();
  sa_free_any(block);
  sa_watch_resume();
}

#else

/* ISO C wants something in every file. */
typedef int sa_no_watch;

#endif
