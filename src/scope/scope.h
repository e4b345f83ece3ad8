/*
 * Scopes: memory that lives as long as a call and goes away at once.
 *
 * THE MODEL
 *
 * A scope takes memory from the engine in chunks of one unit (64 KiB). Bytes are counted in
 * granules of 16. At the start of a chunk stands what is known about it: a header, and a map with
 * a byte for each granule of its data. The byte of a block's first granule is the block's code,
 * which tells its size, with SA_FREE added once it was freed; all other bytes are 0. So a block
 * needs no header of its own, and a second free, a pointer inside a block, or one to no block are
 * all found, in every build. The map's bytes are read by any thread and written by the one that
 * allocates or frees the block, relaxed: whoever may touch a block at all has been told of it.
 *
 * Each thread inside a scope has an arena of it, and what is in the arena is this thread's alone:
 * the free run that blocks are cut from next, by moving a number up, and a list of free blocks for
 * each code. A freed block goes to the arena of the thread that frees it, whoever cut it. A thread
 * that is not inside pushes it to the scope's `returned`, from where an arena that has run out
 * takes all at once. When an arena runs out it looks there first, then makes its largest free
 * block the run to cut from, then joins free neighbours (see join.c), and only then carves more:
 * of its own chunk, in steps, or of another.
 *
 * The thread that creates a scope is its home thread. Its arena and the scope itself lie in the
 * scope's first chunk; the arena of any other thread lies in the first chunk that was taken for
 * it, and is used again by the next thread that enters when the first has left.
 *
 * Blocks over SA_BLOCK_MAX are large blocks of the engine, marked as lent. Each has a node in the
 * scope, so that the scope's end finds it.
 *
 * A thread's stack of scopes is a list of frames. `sa_thread.here` is the arena of the top one.
 *
 * LIFE
 *
 * `users` counts the handle, which destroy gives up, and every thread inside but the home thread.
 * The last user frees all that the scope holds. The home thread enters and leaves with plain
 * stores to `entries` of its arena. That it may still be inside matters to a destroy by another
 * thread alone. That one says SA_OVER, makes every thread pass a barrier, and looks at `entries`;
 * the home thread clears `entries`, and then looks for SA_OVER. At least one of the two sees the
 * other, and who turns SA_OVER into SA_ENDED gives up the handle. A home thread that destroys its
 * scope itself, and finds the handle to be the only user, needs no atomic read-modify-write: nobody
 * may enter any more.
 *
 * A scope with a budget is the `limiter` of those created inside it: all that they hold is charged
 * to it, too. Its header, in its first chunk, stays until the last of them is gone: `keepers` counts
 * them, and the users, together, once.
 *
 * A thread keeps the chunk of the scope that it destroyed last (`warm`), without another word, for
 * the next one. A few more stand on a shelf that all threads share. sa_trim empties the shelf and
 * the caller's; other threads give up theirs when they destroy the next scope.
 */
#ifndef SA_SCOPE_H
#define SA_SCOPE_H

#include "engine/engine.h"

#pragma GCC visibility push(hidden)

enum {
  SA_GRANULE = 16,
  SA_UNIT_GRANULES = SA_UNIT / SA_GRANULE,
  SA_DATA = 320, /* the granule of a chunk in which its data starts */
  SA_MAP = SA_UNIT_GRANULES - SA_DATA,
  SA_SMALL_CODES = 64,   /* codes 1 to 64: so many granules; then the engine's classes */
  SA_CODES = 112,        /* the highest: the class of a whole chunk */
  SA_BLOCK_MAX = 16384,  /* larger blocks are the engine's large ones */
  SA_FREE = 0x80,        /* added to the code of a free block */
  SA_JOINING = 0xff,     /* instead of the code of a free block: see join.c */
  SA_NAME = 32,
};

struct sa_chunk;

/* Who made a frame. One that was made by Enable owns its scope: the scope is destroyed when the
 * frame goes, however it goes. */
enum sa_maker { SA_MADE_BY_ENTER, SA_MADE_BY_ENABLE, SA_MADE_BY_HANDLE };

/* A thread's stack: the scopes it has entered, the last one on top. */
struct sa_frame {
  struct sa_arena *arena; /* sa_no_arena: in no scope, although there are some below */
  struct sa_frame *below;
  enum sa_maker    maker;
};

/* A thread's part of a scope; the thread's alone where nothing else is said. */
struct sa_arena {
  /* The run that blocks are cut from: granules of the chunk at `base`. All that the fast path
   * needs stands at fixed places from one pointer, so that the processor forwards what was stored
   * by the last allocation to the next one. */
  struct sa_scope *scope; /* set before anybody else sees the arena */
  uint64_t         small; /* bit n: there are free blocks of code n + 1; else their list is not set */
  size_t           next;
  size_t           end;
  char            *base;
  uint64_t         medium; /* bit n: of code n + 1 + SA_SMALL_CODES */
  struct sa_chunk *fresh;  /* the chunk whose last granules were never used yet; NULL: none */
  struct sa_node  *idle;   /* nodes for large blocks */
  size_t           carved; /* granules of all its chunks so far, and how many of them it has cut */
  size_t           cut;    /* into blocks since free neighbours were joined: see join.c */
  struct sa_frame  frame;  /* of the first entry; another one's is the engine's */
  /* How often its thread is inside. Written by that thread; of the home thread's arena, read by
   * another that destroys the scope: see above. */
  _Atomic size_t entries;
  /* The thread that it belongs to; 0: any that enters may have it. Taken by compare-and-swap with
   * acquire, given up with release. The home thread's is never given up. */
  _Atomic uint64_t user;
  struct sa_arena *others; /* the next one in `arenas`; set once, before it is published */
  void            *lists[SA_CODES]; /* of free blocks, by code - 1; linked in their first words */
};

/* A large block's place in its scope. */
struct sa_node {
  /* NULL: no block. Written by the thread that allocates the block, frees or keeps it, relaxed:
   * whoever ends the scope comes after all of them, by `users`. */
  _Atomic(struct sa_slab *) slab;
  struct sa_scope *scope;
  struct sa_node  *others; /* the next one in `nodes`; set once, before it is published */
  struct sa_node  *idle;   /* the next one without a block */
  size_t           charged; /* to the budget */
};

enum sa_scope_state {
  SA_NO_SCOPE, /* not a scope's first chunk, or a scope that is gone */
  SA_ALIVE,
  SA_OVER,  /* destroyed, while the home thread may be inside, which then gives up the handle */
  SA_ENDED, /* destroyed, and the handle given up; goes with the last user */
};

struct sa_scope {
  /* An enum sa_scope_state. Changed by compare-and-swap, but by the home thread's destroy, which
   * is the only one or misuse. Acquire where it is read by who acts upon it. */
  _Atomic unsigned state;
  unsigned         flags;
  uint64_t         home; /* the thread that created it; SA_NOBODY when it was left by a fork */
  /* See above. Down with release, and acquire by the one who reaches 0. */
  _Atomic size_t users;
  _Atomic size_t keepers;

  /* Set before anybody else knows the scope. */
  struct sa_scope *limiter; /* the nearest scope around it that has a budget */
  size_t           budget;  /* 0: none */
  const void      *creator; /* the code that called sa_scope_create */

  /* Any thread changes these, relaxed: they are numbers and nothing follows from them. */
  _Atomic size_t held; /* bytes that are charged */
  _Atomic size_t peak;
  _Atomic size_t over_budget;
  _Atomic size_t unwound;

  /* Lists that are pushed to by compare-and-swap with release. Nothing is taken off the first
   * three, which are read with acquire; the others are taken whole, by exchange with acquire. */
  _Atomic(struct sa_chunk *) chunks; /* all but the first */
  _Atomic(struct sa_arena *) arenas; /* all but the home thread's */
  _Atomic(struct sa_node *)  nodes;
  _Atomic(struct sa_node *)  idle;   /* nodes without a block */
  _Atomic(void *)            returned; /* blocks freed by threads that are not inside */

  _Atomic bool joining; /* a thread joins free neighbours; taken with acquire, given with release */
  char         name[SA_NAME];
};

struct sa_chunk {
  struct sa_scope *scope;  /* whose it is; set before a block of it is given out */
  struct sa_chunk *next;   /* in the scope's list or in one that only one thread knows */
  size_t           carved; /* granules from here on were never used; of the arena that took it */
  uint64_t         warm;   /* the thread that keeps it for its next scope; 0: none */
  struct sa_scope  first;  /* the scope whose first chunk this is, if it is one */
  struct sa_arena  arena;  /* the arena that the chunk was taken for, if it was its first */
  _Alignas(64) _Atomic uint8_t map[SA_MAP];
};

_Static_assert(sizeof(struct sa_chunk) <= SA_DATA * SA_GRANULE, "the data comes after it");

/* Threads are numbered from 1, and a number is never used again. */
#define SA_NOBODY UINT64_MAX

/* What a thread knows for itself. */
struct sa_thread {
  struct sa_arena *here; /* of the top frame */
  struct sa_frame *top;
  struct sa_chunk *warm;
  uint64_t         id;      /* 0: it has not begun */
  bool             watched; /* its exit will be seen */
  bool             exited;
  unsigned         trims_seen;
};

/* No scope, below all frames: so that nobody need ask whether there is a frame. */
extern struct sa_arena                sa_no_arena;
extern struct sa_frame                sa_no_frame;
extern _Thread_local struct sa_thread sa_thread;

/* --- chunks, granules and codes ------------------------------------------------------------------ */

static inline struct sa_chunk *
sa_chunk_of(const void *address)
{
  return (struct sa_chunk *)((uintptr_t)address & ~(uintptr_t)(SA_UNIT - 1));
}

static inline size_t
sa_granule_of(const void *address)
{
  return ((uintptr_t)address & (SA_UNIT - 1)) / SA_GRANULE;
}

static inline void *
sa_granule_at(struct sa_chunk *chunk, size_t granule)
{
  return (char *)chunk + granule * SA_GRANULE;
}

static inline unsigned
sa_code_get(const struct sa_chunk *chunk, size_t granule)
{
  return atomic_load_explicit(&chunk->map[granule - SA_DATA], memory_order_relaxed);
}

static inline void
sa_code_set(struct sa_chunk *chunk, size_t granule, size_t code)
{
  atomic_store_explicit(&chunk->map[granule - SA_DATA], (uint8_t)code, memory_order_relaxed);
}

/* The codes above SA_SMALL_CODES are those of the engine's classes of such sizes. */
enum { SA_CODE_TO_CLASS = 33 };

static inline size_t
sa_code_granules(unsigned code)
{
  return code <= SA_SMALL_CODES ? code : sa_class_size(code - SA_CODE_TO_CLASS) / SA_GRANULE;
}

/* The code of a block of at least `size` bytes, up to a chunk's. */
static inline unsigned
sa_code_for(size_t size)
{
  if (size <= SA_SMALL_CODES * SA_GRANULE)
    return size == 0 ? 1 : (unsigned)((size + SA_GRANULE - 1) / SA_GRANULE);
  return sa_class_of(size) + SA_CODE_TO_CLASS;
}

/* --- chunk.c ----------------------------------------------------------------------------------- */

/* A chunk with an empty map and nothing else set; NULL: no memory. */
struct sa_chunk *sa_chunk_take(void);
/* Keeps a chunk for the next one who takes one, or gives it to the engine. Its map may be set up to
 * the granule `end`. */
void sa_chunk_give(struct sa_chunk *chunk, size_t end);
/* The same for the one that the thread is likely to take next. */
void sa_chunk_keep_warm(struct sa_chunk *chunk, size_t end);
/* Gives up what the thread has kept, what all have. */
void sa_chunks_cool(void);
void sa_chunks_trim(void);
/* Calls `see` for every chunk of a scope, and for those that are kept. */
void sa_chunks_each(void (*see)(struct sa_chunk *chunk));

/* --- budget.c ---------------------------------------------------------------------------------- */

/* Charges a scope and those around it with as many of `most` bytes as their budgets allow, which
 * are multiples of a granule. Returns the bytes; 0 if it is not even `least`. */
size_t sa_budget_charge(struct sa_scope *scope, size_t least, size_t most);
void   sa_budget_return(struct sa_scope *scope, size_t bytes);

static inline bool
sa_is_limited(const struct sa_scope *scope)
{
  return scope->budget != 0 || scope->limiter;
}

/* --- arena.c ----------------------------------------------------------------------------------- */

/* Makes the arena in the chunk's header one of a thread of the scope; the chunk's data is fresh. */
void sa_arena_set_up(struct sa_chunk *chunk, struct sa_scope *scope, uint64_t user);
/* A block of the code; NULL with errno ENOMEM. */
void *sa_arena_alloc(struct sa_arena *arena, unsigned code);
/* Lets the scope's end find a chunk that is not its first. */
void sa_chunk_publish(struct sa_chunk *chunk);
/* Puts free granules into the arena's lists. */
void sa_arena_put_run(struct sa_arena *arena, struct sa_chunk *chunk, size_t at, size_t granules);

/* The word and the bit of it that say whether the arena has free blocks of a code. */
static inline uint64_t *
sa_arena_word(struct sa_arena *arena, unsigned code)
{
  return code <= SA_SMALL_CODES ? &arena->small : &arena->medium;
}

static inline uint64_t
sa_arena_bit(unsigned code)
{
  return UINT64_C(1) << (code - 1) % SA_SMALL_CODES;
}

static inline bool
sa_arena_has(struct sa_arena *arena, unsigned code)
{
  return *sa_arena_word(arena, code) & sa_arena_bit(code);
}

static inline void
sa_arena_push(struct sa_arena *arena, unsigned code, void *block)
{
  uint64_t *word = sa_arena_word(arena, code);
  uint64_t  bit = sa_arena_bit(code);
  *(void **)block = *word & bit ? arena->lists[code - 1] : NULL;
  arena->lists[code - 1] = block;
  *word |= bit;
}

/* Takes a block off a list that has one; it is still said to be free. */
static inline void *
sa_arena_pop(struct sa_arena *arena, unsigned code)
{
  void *block = arena->lists[code - 1];
  void *next = *(void **)block;
  arena->lists[code - 1] = next;
  if (!next)
    *sa_arena_word(arena, code) &= ~sa_arena_bit(code);
  return block;
}

/* --- join.c ------------------------------------------------------------------------------------ */

/* Joins the arena's free blocks that are neighbours; false: it has none, or another arena of the
 * scope is just being joined. */
bool sa_arena_join(struct sa_arena *arena);

/* --- large.c ----------------------------------------------------------------------------------- */

void *sa_lent_alloc(struct sa_arena *arena, size_t size);
void  sa_lent_free(struct sa_slab *slab, void *block);
/* NULL: it must be copied. */
void *sa_lent_resize(struct sa_slab *slab, void *block, size_t size);
/* Makes it an engine's block like any other, at the same address. */
void sa_lent_keep(struct sa_slab *slab, void *block);
/* Frees all that a scope has; returns the bytes that were charged. */
size_t sa_lent_free_all(struct sa_scope *scope);

static inline struct sa_node *
sa_lent_node(const struct sa_slab *slab)
{
  return slab->free;
}

/* --- block.c ------------------------------------------------------------------------------------ */

/* The same as sa_scope_alloc, in an arena of the calling thread. */
void  *sa_arena_block(struct sa_arena *arena, size_t size);
/* The scope of a block; NULL when it is none of a scope's. */
struct sa_scope *sa_scope_of(const void *block);
void   sa_block_free(struct sa_slab *slab, void *block);
void  *sa_block_resize(struct sa_slab *slab, void *block, size_t size);
size_t sa_block_size(const struct sa_slab *slab, const void *block);

/* --- stack.c ------------------------------------------------------------------------------------ */

/* Sees to it that this thread has a number and that its exit will be seen; false: no memory. */
bool sa_thread_begin(void);
void sa_thread_exits(void);
/* The calling thread's arena in a scope: NULL when it is not inside, unless it is the home thread. */
struct sa_arena *sa_arena_mine(struct sa_scope *scope);
/* This thread's top frame, NULL when there is none. */
struct sa_frame *sa_frame_top(void);
/* Enters a scope; with NULL, the thread is in none until the frame goes. 0 or an errno value. */
int sa_frame_push(struct sa_scope *scope, enum sa_maker maker);
/* Leaves a frame and all above it. */
void sa_frame_pop(struct sa_frame *frame);
/* Ends all entries of the calling thread. */
void sa_scope_leave_all(struct sa_scope *scope, struct sa_arena *arena);

/* --- scope.c ------------------------------------------------------------------------------------ */

/* As sa_scope_create; `creator` is the code to be named in reports. */
struct sa_scope *sa_scope_create_for(const sa_scope_options *options, const void *creator);
/* Its state, if it is a scope; anything else is misuse. */
enum sa_scope_state sa_scope_check(const char *what, struct sa_scope *scope);
/* One user less. */
void sa_scope_drop_user(struct sa_scope *scope);
/* Drops the handle of a scope that is SA_OVER, unless another thread just does so. */
void sa_scope_drop_handle(struct sa_scope *scope);
/* In the child of a fork. */
void sa_scopes_forked(void);

static inline struct sa_arena *
sa_scope_home_arena(struct sa_scope *scope)
{
  return &sa_chunk_of(scope)->arena;
}

/* --- report.c ------------------------------------------------------------------------------------ */

/* At a scope's end, if leaks are to be reported. */
void sa_report_over_budget(const struct sa_scope *scope);
/* Says what is wrong with a pointer and names the scope; aborts. */
_Noreturn void sa_scope_misuse(const char *what, const void *pointer, const struct sa_scope *scope,
                               const char *reason);

#pragma GCC visibility pop

#endif
