/*
 * The hardened mode: what of the engine is different in a build with --enable-hardened, and with
 * STUBALLOC=hardened=on in any other.
 *
 * THE MODEL
 *
 * Beside each region lies a table with an entry for each granule of 16 bytes. The entry of a block's
 * first granule says how many bytes were asked for, and by which thread; that of a block that was
 * freed says by whom. So one look tells a block from a pointer inside one, to none, or to one that is
 * free, and where its end is. The table is out of reach of any overflow; nothing in a slab is the
 * allocator's but the links of free blocks that no thread holds (see sa_link_set).
 *
 * Right behind the bytes that were asked for stands the canary: the secret, a word that is repeated at
 * all multiples of 8, so that one word may be read at any address, and places that overlap agree. The
 * last word of each place for a block holds it as long as the slab lives. A free looks at the word
 * behind the block, which an overflow by a single byte has changed, and at the one before it.
 *
 * A block that is free is filled with the secret: as far as SA_POISON, which is all of a small one. It
 * waits in its thread's ring of its class, first in, first out, and at least so many blocks that were
 * freed later wait behind it when it is given out again. Then what was filled must be
 * as it was. From a full ring the oldest blocks go to their slabs; a ring that has run out is filled
 * from there, in an order that chance has made when the slab was carved.
 *
 * The units of a slab begin and end with a page that cannot be touched, and so do those of a large
 * block. Units that nobody uses cannot be touched either.
 *
 * In a default build no instruction on the fast paths is for this: a thread's cache has no current
 * slabs there (they are in its rings) and no slab has an owner, so both paths fall through to where the
 * hardened ones are.
 */
#ifndef SA_ENGINE_HARDENED_H
#define SA_ENGINE_HARDENED_H

#include "engine/engine.h"

#pragma GCC visibility push(hidden)

enum {
  SA_CANARY = 8,
  SA_POISON = 256,
  SA_RING = 64,
  /* What is added to a block's bytes, in its entry: then it is more than 0, and its multiple of 16
   * tells what its place must have with the canary. */
  SA_BEHIND = SA_CANARY + 15,
  SA_HARDENED_MAX = 0xffff - SA_BEHIND, /* the largest block that lies in a slab */
};

/* An entry's halves: the bytes that were asked for and SA_BEHIND, or 0 where no block is out; and a
 * thread. */
#define SA_ENTRY_SIZE 0xffffu
#define SA_ENTRY_THREAD_SHIFT 16

/* The ring of a class. Its thread's alone. */
struct sa_ring {
  uint32_t head; /* the place of the oldest block, of which the lower bits count */
  uint32_t tail; /* that of the next one that comes */
  uint32_t wait; /* so many stay, */
  uint32_t most; /* and so many may, by their size */
  uint32_t fill; /* bytes at the start of a free block that are filled */
  void    *blocks[SA_RING];
};

/* What a thread has in the hardened mode, behind its cache. */
struct sa_rings {
  uint32_t  ring_at[SA_CLASS_MAX / 16 + 1]; /* from here, in bytes, by an entry's multiple of 16 */
  uint32_t  thread;                         /* its number, where an entry has it */
  uintptr_t entries;                        /* where address 0 would have its entry */
  struct sa_slab *current[SA_CLASSES];      /* instead of the cache's */
  struct sa_ring  ring[SA_CLASSES];
};

/* This thread's; as sa_self, it is never NULL: see sa_no_rings, in which there is nothing. */
extern struct sa_rings                  sa_no_rings;
extern SA_EACH_THREADS struct sa_rings *sa_own_rings;
#define sa_my_rings SA_THIS_THREADS(sa_own_rings)

static inline struct sa_rings *
sa_rings_of(struct sa_cache *cache)
{
  return (struct sa_rings *)(cache + 1);
}

/* Draws the secrets, before there is a region. */
void sa_hardened_begin(void);
void sa_rings_set_up(struct sa_rings *rings);
/* Gives the rings' next user, which is the calling thread, a number. */
void sa_rings_begin(struct sa_rings *rings);
/* A block of the class when the ring has run out, and more for the ring. */
void *sa_ring_refill(struct sa_cache *cache, unsigned cls);
/* Gives all blocks to their slabs. */
void sa_rings_empty(struct sa_cache *cache);

/* In a default build, sa_malloc. */
void *sa_hardened_alloc(size_t size);
/* Frees a block of a slab, if it is one. */
void sa_hardened_free(void *block);
/* Where it is if its place is large enough; NULL: it must be copied. */
void *sa_hardened_resize(void *block, size_t size);
/* The bytes that were asked for; false, with errno EINVAL: it is no block, and that was said. */
bool sa_hardened_measure(const char *what, const void *block, size_t *size);

/* For a room above, of a block in what it was lent: it is out, with so many bytes and a canary behind
 * them; whether and how large it is; whether the canary is as it was; it is out no more, and filled. */
void sa_hardened_lend(void *block, size_t size);
bool sa_hardened_lent(const void *block, size_t *size);
bool sa_hardened_is_intact(const void *block, size_t size);
void sa_hardened_take_back(void *block, size_t size);
/* Fills whole granules that nobody uses any more, and finds what was changed in them since; or NULL. */
void        sa_hardened_fill(void *from, void *end);
const void *sa_hardened_changed(const void *from, const void *end);

/* Puts guards into new units that are a slab's. */
void sa_hardened_slab(struct sa_slab *slab);
/* Links new blocks of a slab, in an order of chance. */
void *sa_hardened_carve(struct sa_slab *slab, uint32_t first, uint32_t count);
/* Puts the secret where a link was. */
void sa_hardened_unlink(void *block);
/* A large block: guards and canary; and whether the latter is as it was, else that was said. */
void sa_hardened_large(struct sa_slab *slab);
bool sa_hardened_large_check(const struct sa_slab *slab);

#pragma GCC visibility pop

#endif
