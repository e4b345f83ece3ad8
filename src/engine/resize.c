/* The rest of the family: zeroed, aligned and resized blocks, and how large a block is. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/trace.h"
#include "engine/watch.h"

void *
sa_calloc(size_t count, size_t size)
{
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes))
    return sa_no_memory();
  if (sa_traced())
    return sa_traced_calloc(count, size);
  if (bytes > SA_CLASS_MAX && !sa_watched()) {
    SA_ALONE(SA_IN_ENGINE, "sa_calloc");
    return sa_large_alloc(bytes, SA_UNIT, true);
  }
  void *block = sa_malloc(bytes);
  return block ? memset(block, 0, bytes) : NULL;
}

/* Blocks lie at multiples of their size from a unit's start: so one whose size is a multiple of the
 * alignment is aligned, and a power of two is among the sizes. */
static void *
aligned_in_class(size_t alignment, size_t size)
{
  size_t   behind = sa_hardened ? SA_CANARY : 0;
  unsigned cls = sa_class_of(size + behind > alignment ? size + behind : alignment);
  while (sa_class_size(cls) % alignment != 0)
    cls++;
  if (sa_hardened && sa_class_size(cls) - behind > SA_HARDENED_MAX)
    return sa_large_alloc(size, SA_UNIT, false);
  void *block = sa_malloc(sa_class_size(cls) - behind);
  if (sa_hardened && block)
    sa_hardened_fit(block, size);
  return block;
}

void *
sa_aligned_alloc(size_t alignment, size_t size)
{
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    errno = EINVAL;
    return NULL;
  }
  if (sa_watched())
    return sa_watched_aligned_alloc(alignment, size);
  if (sa_traced())
    return sa_traced_aligned_alloc(alignment, size);
  if (size <= (sa_hardened ? SA_HARDENED_MAX : SA_CLASS_MAX) && alignment <= SA_UNIT)
    return aligned_in_class(alignment, size);
  SA_ALONE(SA_IN_ENGINE, "sa_aligned_alloc");
  return sa_large_alloc(size, alignment > SA_UNIT ? alignment : SA_UNIT, false);
}

static bool
is_large(const struct sa_slab *slab)
{
  return sa_slab_what(slab) == SA_LARGE;
}

/* Also sets `inside` to where in the region it is, or what stands for it. NULL with errno EINVAL
 * after misuse. */
static struct sa_slab *
slab_or_misuse(const char *what, const void *block, void **inside)
{
  *inside = sa_stand_in(block);
  if (!sa_block_check(what, *inside)) {
    errno = EINVAL;
    return NULL;
  }
  struct sa_slab *slab = *inside ? sa_slab_of(*inside) : NULL;
  bool            freed = slab && sa_slab_what(slab) == SA_LARGE_FREED;
  if (slab && !freed && (!is_large(slab) || *inside == sa_units_address(slab)))
    return slab; /* of what is in it, others know more */
  if (slab)
    sa_pointer_misuse(what, slab, block);
  else
    sa_misuse(what, block, "stuballoc did not give it out, or it was freed before");
  errno = EINVAL;
  return NULL;
}

/* False after misuse. */
static bool
measure(const char *what, const struct sa_slab *slab, const void *block, size_t *size)
{
  if (sa_is_lent(slab))
    return (*size = sa_hooks_get()->size(slab, block)) > 0;
  *size = is_large(slab) ? sa_large_size(slab) : slab->size;
  return is_large(slab) || !sa_hardened || sa_hardened_measure(what, slab, block, size);
}

size_t
sa_usable_size(const void *block)
{
  void *inside;
  if (!block)
    return 0;
  const struct sa_slab *slab = slab_or_misuse("usable_size", block, &inside);
  size_t                size;
  bool                  known = slab && measure("usable_size", slab, inside, &size);
  return known ? sa_watch_size(block, size) : 0;
}

/* In the hardened mode: whether a size is that which was asked for; else that is said. No block of a scope
 * is of 0 bytes; of one in a section nobody knows but that it has room. */
static bool
has_size(const void *block, size_t size)
{
  void                 *inside;
  const struct sa_slab *slab = slab_or_misuse("free", block, &inside);
  size_t                asked;
  if (!slab || !measure("free", slab, inside, &asked))
    return false;
  bool lent = sa_is_lent(slab);
  if (inside == block ? asked == (lent && size == 0 ? 1 : size) : asked >= size)
    return true;
  char reason[64];
  snprintf(reason, sizeof reason, "it is freed as one of %zu bytes", size);
  (lent ? sa_hooks_get()->misuse : sa_block_misuse)("free", slab, inside, reason);
  return false;
}

void
sa_free_sized(void *block, size_t size)
{
  if (!sa_hardened || !block || has_size(block, size))
    sa_free(block);
}

/* Where it is, or by moving its pages; NULL: it must be copied. */
static void *
resize(struct sa_slab *slab, void *block, size_t size)
{
  SA_ALONE(SA_IN_ENGINE, "sa_realloc");
  if (sa_watched())
    return NULL;
  if (sa_is_lent(slab))
    return sa_hooks_get()->resize(slab, block, size);
  if (is_large(slab))
    return size > SA_CLASS_MAX ? sa_large_resize(slab, block, size) : NULL;
  return sa_hardened && sa_hardened_resize(slab, block, size) ? block : NULL;
}

static void *
alloc_beside(const struct sa_slab *slab, const void *inside, size_t size)
{
  return sa_is_lent(slab) ? sa_hooks_get()->alloc_beside(slab, inside, size) : sa_malloc(size);
}

static void *
move(void *block, void *to, size_t old_size, size_t size)
{
  if (!to)
    return NULL;
  memcpy(to, block, old_size < size ? old_size : size);
  sa_free(block);
  return to;
}

void *
sa_realloc(void *block, size_t size)
{
  if (!block)
    return sa_malloc(size);
  if (sa_traced())
    return sa_traced_realloc(block, size);
  void           *inside;
  struct sa_slab *slab = slab_or_misuse("realloc", block, &inside);
  size_t          old_size;
  if (!slab || !measure("realloc", slab, inside, &old_size))
    return NULL;
  if (size > PTRDIFF_MAX)
    return sa_no_memory();
  void *resized = resize(slab, inside, size);
  if (resized)
    return resized;
  /* shrinking by less than half is not worth a copy */
  if (size <= old_size && size > old_size / 2 && !sa_watched() && !sa_hardened)
    return block;
  return move(block, alloc_beside(slab, inside, size), sa_watch_size(block, old_size), size);
}
