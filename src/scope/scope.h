/*
 * Scopes: memory that lives as long as a call and goes away at once.
 *
 * THE MODEL
 *
 * A scope takes memory from the engine in chunks of one unit (64 KiB) each. What grows is how
 * much of them is carved, that is, may be cut into blocks and is charged. Bytes are counted in granules of 16.
 * At the start of a chunk stands what is known about it: a header, and a map with a byte for each
 * granule of its data. The byte of a block's first granule is the block's code,
 * which tells its size, with SA_FREE added once it was freed; all other bytes are 0. So a block
 * needs no header of its own, and a second free, a pointer inside a block, or one to no block are
 * all found, in every build. The map's bytes are read by any thread and written by the one that
 * allocates or frees the block, relaxed: whoever may touch a block at all has been told of it.
 *
 * Each thread inside a scope has an arena of it, and what is in the arena is this thread's alone:
 * the free run that blocks are cut from next, by moving a number up, and a list of free blocks for
 * each code. A freed block goes to the arena that its chunk was taken for, if that is the arena of
 * the thread that frees it. Any other thread pushes it to the scope's `returned`, from where an
 * arena that has run out takes all at once: else one thread would go on carving what another one
 * collects. When an arena runs out it looks there first, then makes its largest free block the run
 * to cut from, then takes what is free in arenas that have no user, then joins free neighbours (see
 * join.c), and only then carves more: of its own chunk, in steps, or of another.
 *
 * The thread that creates a scope is its home thread. Its arena and the scope itself lie in the
 * scope's first chunk; the arena of any other thread lies in the first chunk that was taken for
 * it, and is used again by the next thread that enters when the first has left.
 *
 * Blocks over SA_BLOCK_MAX are large blocks of the engine, marked as lent. Each has a node in the
 * scope, so that the scope's end finds it.
 *
 * A scope may take its blocks' memory from a source (os/source.h), a section that other processes
 * write to. Then all of the above is as it was, but in stand-ins: a block, its code, its place in a
 * list are those of a chunk that nobody else sees, and the block's bytes are `away` from there, in
 * the unit of the source that the chunk stands for. Blocks are `away` only where they are given
 * out, and the engine turns them into stand-ins where they come back. An arena's own chunk stands
 * for none; a large block's stand-in is a large block of one unit, whatever its length.
 *
 * A thread's stack of scopes is a list of frames. `sa_thread.here` is the arena of the top one.
 *
 * LIFE
 *
 * `users` counts the handle, which destroy gives up, and every thread inside but the home thread.
 * The last user frees all that the scope holds. The home thread enters and leaves with plain
 * stores to `entries` of its arena. That it may still be inside matters to a destroy by another
 * thread alone. That one says SA_OVER, makes every thread pass a barrier, and looks at `entries`.
 * The home thread's last leave sets them to SA_LEAVING and then looks for SA_OVER, so at least one
 * of the two sees the other. If the home thread sees SA_OVER, it gives up the handle; else it sets
 * `entries` to 0 and touches the scope no more, which the other one waits for: a few instructions.
 * A home thread that destroys its scope itself, and finds the handle to be the only user, needs no
 * atomic read-modify-write: nobody may enter any more.
 *
 * A scope with a budget is the `limiter` of those created inside it: all that they hold is charged
 * to it, too. Its header, in its first chunk, stays until the last of them is gone: `keepers`
 * counts them, and the users, together, once.
 *
 * A thread keeps the first chunk of the scope that it destroyed last (`warm`), set up for the next
 * one. As long as a scope is `plain`, nothing has happened to it that its end would have to undo. A
 * few more chunks stand on a shelf that all threads share. sa_trim empties the shelf and the
 * caller's; other threads give up theirs when they destroy their next scope.
 */
#ifndef SA_SCOPE_H
#define SA_SCOPE_H

#include <string.h>

#include "engine/engine.h"
#include "engine/trace.h"
#include "engine/watch.h"
#include "os/source.h"

#pragma GCC visibility push(hidden)

enum {
  SA_GRANULE = 16,
  SA_UNIT_GRANULES = SA_UNIT / SA_GRANULE,
  SA_DATA = 320, /* the granule of a chunk in which its data starts */
  SA_MAP = SA_UNIT_GRANULES - SA_DATA,
  SA_SMALL_CODES = 64,  /* codes 1 to 64: so many granules */
  SA_CODES = 112,       /* the highest: a run as long as a chunk */
  SA_BLOCK_MAX = 16384, /* larger blocks are the engine's large ones */
  SA_FREE = 0x80,       /* added to the code of a free block */
  SA_JOINING = 0xff,    /* instead of the code of a free block: see join.c */
  SA_NAME = 32,
  /* In the hardened mode, chunks that wait in a thread to be used again: so many at least, and most */
  SA_WAITING = 4,
  SA_WAITING_MOST = 8,
};

struct sa_chunk;

/* Who made a frame. One that was made by Enable owns its scope: the scope is destroyed when the
 * frame goes, however it goes. */
enum sa_maker {
  SA_MADE_BY_ENTER,
  SA_MADE_BY_TRACED_ENTER, /* which is not to be left in the quick way */
  SA_MADE_BY_ENABLE,
  SA_MADE_BY_HANDLE
};

/* A thread's stack: the scopes it has entered, the last one on top. */
struct sa_frame {
  struct sa_arena *arena; /* sa_no_arena: in no scope, although there are some below */
  struct sa_frame *below;
  enum sa_maker    maker;
};

/* A thread's part of a scope; the thread's alone where nothing else is said. */
struct sa_arena {
  /* The run that blocks are cut from, in the chunk at `base`. All that the fast path needs stands
   * at fixed places from one pointer, so that the processor forwards what the last allocation
   * stored to the next one; and `next` is the block itself, not to be calculated, so that where the
   * program then writes is known before the next allocation reads it. */
  struct sa_scope *scope; /* set before anybody else sees the arena */
  char            *next;
  char            *end; /* the run's */
  uintptr_t        map; /* where its chunk's map would have the code of address 0 */
  char            *base;
  bool             listed; /* there may be free blocks; else all lists are empty */
  struct sa_chunk *fresh;  /* the chunk whose last granules were never used yet; NULL: none */
  struct sa_node  *idle;   /* nodes for large blocks */
  size_t           carved; /* granules of all its chunks so far */
  size_t           cut;    /* granules of the runs it has cut from since it was joined last, */
  size_t           due;    /* and how many make the next time worth while: see join.c */
  struct sa_frame  frame;  /* of the first entry; another one's is the engine's */
  /* How often its thread is inside. Written by that thread; of the home thread's arena, read by
   * another that destroys the scope, with acquire: see above. */
  _Atomic size_t entries;
  /* The thread that it belongs to; 0: any that enters may have it; SA_NOBODY: another one is just
   * taking what is free in it, or was when the process forked. Taken by compare-and-swap with
   * acquire, given up with release. The home thread's is never given up. */
  _Atomic uint64_t user;
  struct sa_arena *others; /* the next one in `arenas`; set once, before it is published */
  void            *lists[SA_CODES + 1]; /* of free blocks, by code; linked in their first words */
};

/* A large block's place in its scope. */
struct sa_node {
  /* NULL: no block. Written by the thread that allocates the block, frees or keeps it, relaxed:
   * whoever ends the scope comes after all of them, by `users`. */
  _Atomic(struct sa_slab *) slab;
  struct sa_scope          *scope;
  struct sa_node           *others;  /* the next one in `nodes`; set once, before it is published */
  struct sa_node           *idle;    /* the next one without a block */
  _Atomic size_t            charged; /* to the budget; as `slab`, and read by who counts, relaxed */
  void                     *away;    /* where its bytes are, if the scope has a source */
};

/* Instead of the number of entries. */
#define SA_LEAVING SIZE_MAX

enum sa_scope_state {
  SA_NO_SCOPE, /* not a scope's first chunk, or a scope that is gone */
  SA_ALIVE,
  SA_OVER,   /* destroyed, while the home thread may be inside */
  SA_ENDED,  /* destroyed, and the handle given up; goes with the last user */
  SA_ENDING, /* the home thread has destroyed it, and may be its only user */
};

struct sa_scope {
  /* An enum sa_scope_state. Changed by compare-and-swap, but by the home thread's destroy, which
   * is the only one or misuse. Acquire where it is read by who acts upon it. */
  _Atomic unsigned state;
  /* Cleared by any thread, relaxed; the home thread's destroy comes after what the others did. */
  _Atomic bool plain;
  unsigned     flags;
  uint64_t     home; /* the thread that created it; SA_NOBODY when it was left by a fork */
  /* See above. Down with release, and acquire by the one who reaches 0. */
  _Atomic size_t users;
  _Atomic size_t keepers;

  /* Set before anybody else knows the scope. */
  struct sa_scope  *limiter; /* the nearest scope around it that has a budget */
  size_t            budget;  /* 0: none */
  const void       *creator; /* the code that called sa_scope_create */
  struct sa_source *source;  /* NULL: the engine */

  /* From here on to the name, all is 0 in a new scope. */
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
  _Atomic(struct sa_node *)  idle;     /* nodes without a block */
  _Atomic(void *)            returned; /* blocks that others freed than their chunks' owners */

  _Atomic bool joining; /* a thread joins free neighbours; taken with acquire, given with release */
  char         name[SA_NAME];
};

struct sa_chunk {
  struct sa_scope *scope;  /* whose it is; set before a block of it is given out */
  struct sa_arena *owner;  /* the arena that it was taken for; set as `scope` */
  struct sa_chunk *next;   /* in the scope's list or in one that only one thread knows */
  size_t           carved; /* granules from here on were never used; of the arena that took it */
  uint64_t         keeper; /* the thread that keeps it warm when there is no scope in it; 0: none */
  ptrdiff_t        away;   /* from what is in it to its bytes; 0: here. Set as `scope` */
  struct sa_scope  first;  /* the scope whose first chunk this is, if it is one */
  struct sa_arena  arena;  /* the arena that the chunk was taken for, if it was its first */
  _Alignas(64) _Atomic uint8_t map[SA_MAP];
};

_Static_assert(sizeof(struct sa_chunk) <= SA_DATA * SA_GRANULE, "the data comes after it");

/* Threads are numbered from 1, and a number is never used again. */
#define SA_NOBODY UINT64_MAX

/* What a thread knows for itself. */
struct sa_thread_data {
  struct sa_arena *here; /* of the top frame */
  struct sa_frame *top;
  struct sa_chunk *warm;
  struct sa_chunk *hidden;  /* instead of `warm`: see traced memory */
  uint64_t         id;      /* 0: it has not begun */
  bool             watched; /* its exit will be seen */
  unsigned         trims_seen;
  unsigned         waiting_first; /* places in `waiting`, of which the lower bits count */
  unsigned         waiting_end;
  struct sa_chunk *waiting[SA_WAITING_MOST];
};

/* No scope, below all frames: so that nobody need ask whether there is a frame. */
extern struct sa_arena                       sa_no_arena;
extern struct sa_frame                       sa_no_frame;
extern SA_EACH_THREADS struct sa_thread_data sa_own_thread;
#define sa_thread SA_THIS_THREADS(sa_own_thread)

/* --- chunks, granules and codes --------------------------------------------------------------- */

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

/* Where the bytes of a granule are. */
static inline char *
sa_bytes_at(struct sa_chunk *chunk, size_t granule)
{
  return (char *)sa_granule_at(chunk, granule) + chunk->away;
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

/* What codes mean: up to 64 so many granules each, then eight to each doubling. Tables, since their
 * way is the same for all sizes and leaves the processor nothing to guess. */
struct sa_codes {
  uint8_t  code_of[SA_BLOCK_MAX / SA_GRANULE + 1]; /* by granules */
  uint32_t size[SA_FREE]; /* by code; 0: it is none, as may be read from what is no map any more */
};

extern const struct sa_codes sa_codes;

static inline size_t
sa_code_size(unsigned code)
{
  return sa_codes.size[code];
}

static inline size_t
sa_code_granules(unsigned code)
{
  return sa_code_size(code) / SA_GRANULE;
}

/* The code of a block of at least `size` bytes, which are at most SA_BLOCK_MAX. */
static inline unsigned
sa_code_for(size_t size)
{
  return sa_codes.code_of[(size + SA_GRANULE - 1) / SA_GRANULE];
}

/* Where a map has a code, for struct sa_arena. */
static inline uintptr_t
sa_map_of_0(struct sa_chunk *chunk)
{
  return (uintptr_t)chunk->map - SA_DATA - (uintptr_t)sa_bytes_at(chunk, 0) / SA_GRANULE;
}

/* --- traced memory, see engine/trace.h -------------------------------------------------------- */

/* As sa_trace_pause and sa_trace_resume, and in between the warm chunk is where it is used. */
static inline struct sa_trace *
sa_scope_pause(void)
{
  struct sa_trace *trace = sa_trace_pause();
  if (trace) {
    sa_thread.warm = sa_thread.hidden;
    sa_thread.hidden = NULL;
  }
  return trace;
}

static inline void
sa_scope_resume(struct sa_trace *paused)
{
  if (paused) {
    sa_thread.hidden = sa_thread.warm;
    sa_thread.warm = NULL;
  }
  sa_trace_resume(paused);
}

/* --- chunk.c ---------------------------------------------------------------------------------- */

/* A chunk with an empty map and nothing else set; NULL: no memory. */
struct sa_chunk *sa_chunk_take(void);
/* Puts a chunk on the shelf, or gives it to the engine. Its map may be set before granule `end`. */
void sa_chunk_give(struct sa_chunk *chunk, size_t end);
/* Gives up what the thread keeps warm. */
void sa_chunk_cool(void);
/* Gives up that and the shelf. */
void sa_chunks_trim(void);
/* Lets it stand for a unit of the source; false: there is none. And for none. */
bool sa_chunk_stand(struct sa_chunk *chunk, struct sa_source *source);
void sa_chunk_withdraw(struct sa_chunk *chunk, struct sa_source *source);
/* Where memory is watched: no block of it is out any more. */
void sa_chunk_forget(struct sa_chunk *chunk);
/* Calls `see` for every chunk of a scope, and for those that are kept. */
void sa_chunks_each(void (*see)(struct sa_chunk *chunk));

/* How often sa_trim was called; threads notice when they would keep a chunk. Relaxed. */
extern _Atomic unsigned sa_chunk_trims;

/* Whether the thread may keep a chunk warm. */
static inline bool
sa_chunk_may_keep(void)
{
  return !sa_thread.warm
         && sa_thread.trims_seen == atomic_load_explicit(&sa_chunk_trims, memory_order_relaxed);
}

/* A thread has given up what it kept. Where memory is watched it keeps nothing: no scope may begin, and
 * none end, without memcheck being told. */
static inline void
sa_chunk_follow_trims(void)
{
  unsigned trims = atomic_load_explicit(&sa_chunk_trims, memory_order_relaxed);
  sa_thread.trims_seen = sa_watch_is_there() ? trims - 1 : trims;
}

static inline void
sa_chunk_clear_map(struct sa_chunk *chunk, size_t end)
{
  enum { STEP = 64 }; /* what a processor clears at once */
  _Static_assert(SA_MAP % STEP == 0, "so that no step goes beyond the map");
  char *map = (char *)chunk->map;
  for (size_t at = 0; at < end - SA_DATA; at += STEP)
    memset(map + at, 0, STEP); /* all others that used it are gone, so it need not be atomic */
  sa_poison(sa_granule_at(chunk, SA_DATA), (SA_UNIT_GRANULES - SA_DATA) * (size_t)SA_GRANULE);
}

/* --- hardened.c: what is different in the hardened mode ----------------------------------------- */

/* The link in a free block to the next one; what the link says, after checks of the block and of that. */
void *sa_link_encode(const void *block, const void *next);
void *sa_link_decode(const void *block, unsigned code);
/* What the link says, of a block that goes from list to list, so that its filling is looked at later. */
void *sa_link_follow(const void *block);
/* As sa_arena_block and sa_block_free; and a block's size by what its place has. */
void  *sa_hardened_block(struct sa_arena *arena, size_t size);
void   sa_hardened_block_free(void *block);
size_t sa_hardened_block_size(const void *block, size_t room);
/* As sa_scope_misuse, of a pointer into a chunk; in the hardened mode with what is known of the block
 * there. */
void sa_scope_block_misuse(const char *what, const void *inside, const char *reason);
/* Lets a chunk wait whose blocks end before a granule; returns another one that has waited, or NULL. */
struct sa_chunk *sa_chunk_wait(struct sa_chunk *chunk, size_t end);
/* One that has waited, while more than so many wait. */
struct sa_chunk *sa_chunk_waited(unsigned least);
/* The granule where what can be used of a chunk ends: in the default mode, the chunk itself. */
size_t sa_chunk_end(void);
void   sa_chunk_guard(struct sa_slab *slab, struct sa_chunk *chunk);

/* --- budget.c --------------------------------------------------------------------------------- */

/* Charges a scope and those around it with as many of `most` bytes as their budgets allow, which
 * are multiples of a granule. Returns the bytes; 0 if it is not even `least`. */
size_t sa_budget_charge(struct sa_scope *scope, size_t least, size_t most);
/* What was charged has been had: it counts for the peak. */
void sa_budget_note_peak(struct sa_scope *scope);
void sa_budget_return(struct sa_scope *scope, size_t bytes);

static inline bool
sa_is_limited(const struct sa_scope *scope)
{
  return scope->budget != 0 || scope->limiter;
}

/* --- arena.c ---------------------------------------------------------------------------------- */

/* Makes the arena in the chunk's header one of a thread of the scope; the chunk's data is fresh. */
void sa_arena_set_up(struct sa_chunk *chunk, struct sa_scope *scope, uint64_t user);
/* Carves the home arena of a new scope for the first time, without asking its budget; undoes it. */
enum { SA_FIRST_STEP = SA_UNIT_GRANULES / 4 - SA_DATA };
void sa_arena_carve_first(struct sa_arena *arena);
void sa_arena_uncarve(struct sa_arena *arena);
/* Lets an arena that was just set up cut from its scope's source alone. */
void sa_arena_leave_own_chunk(struct sa_arena *arena);
/* A block of the code; NULL with errno ENOMEM, or EINVAL in no scope. */
void *sa_arena_alloc(struct sa_arena *arena, unsigned code);
/* The same on the fast path, which is not taken in the hardened mode. */
void *sa_arena_alloc_quick(struct sa_arena *arena, unsigned code);
/* Lets the scope's end find a chunk that is not its first. */
void sa_chunk_publish(struct sa_chunk *chunk);
/* Puts free granules into the arena's lists. */
void sa_arena_put_run(struct sa_arena *arena, struct sa_chunk *chunk, size_t at, size_t granules);

/* Whether it belongs to the calling thread. */
static inline bool
sa_arena_is_mine(const struct sa_arena *arena)
{
  uint64_t user = atomic_load_explicit(&arena->user, memory_order_relaxed);
  return user != 0 && user == sa_thread.id;
}

static inline bool
sa_arena_has(const struct sa_arena *arena, unsigned code)
{
  return arena->lists[code];
}

/* `encoded`: in the hardened mode, which the fast paths do not ask for. */
static inline SA_IN_FREE_MEMORY void
sa_arena_push_link(struct sa_arena *arena, unsigned code, void *block, bool encoded)
{
  void *next = arena->lists[code];
  *(void **)block = encoded ? sa_link_encode(block, next) : next;
  arena->lists[code] = block;
  arena->listed = true;
}

static inline void
sa_arena_push(struct sa_arena *arena, unsigned code, void *block)
{
  sa_arena_push_link(arena, code, block, sa_hardened);
}

/* Takes a block off a list that has one; it is still said to be free. */
static inline SA_IN_FREE_MEMORY void *
sa_arena_pop_link(struct sa_arena *arena, unsigned code, bool encoded)
{
  void *block = arena->lists[code];
  arena->lists[code] = encoded ? sa_link_decode(block, code) : *(void **)block;
  return block;
}

static inline void *
sa_arena_pop(struct sa_arena *arena, unsigned code)
{
  return sa_arena_pop_link(arena, code, sa_hardened);
}

/* A free block of the code is out from now on; returns where its bytes are. */
static inline void *
sa_arena_give_out(char *block, unsigned code)
{
  struct sa_chunk *chunk = sa_chunk_of(block);
  sa_code_set(chunk, sa_granule_of(block), code);
  sa_unpoison(block, sa_code_size(code));
  return block + chunk->away;
}

/* Smaller blocks may be had the quick way: those that are not large, or none, where each is to be
 * seen. In the latter case stored before there is a scope; relaxed. */
extern _Atomic size_t sa_quick_sizes;

static inline bool
sa_is_quick(size_t size)
{
  return size < atomic_load_explicit(&sa_quick_sizes, memory_order_relaxed);
}

/* The fast path: cuts a block from the arena's run. False: there is none to cut, or a free block of
 * the code is to be used first. */
static inline bool
sa_arena_cut(struct sa_arena *arena, unsigned code, void **cut)
{
  char *block = arena->next;
  char *next = block + sa_code_size(code);
  if (SA_UNLIKELY(next > arena->end || arena->lists[code]))
    return false;
  arena->next = next;
  _Atomic uint8_t *place = (_Atomic uint8_t *)(arena->map + (uintptr_t)block / SA_GRANULE);
  atomic_store_explicit(place, (uint8_t)code, memory_order_relaxed);
  sa_unpoison(block, sa_code_size(code));
  *cut = block;
  return true;
}

/* --- join.c ----------------------------------------------------------------------------------- */

/* Joins the arena's free blocks that are neighbours; false: it has none, or another arena of the
 * scope is just being joined. */
bool sa_arena_join(struct sa_arena *arena);

/* --- large.c ---------------------------------------------------------------------------------- */

void *sa_lent_alloc(struct sa_arena *arena, size_t size);
void  sa_lent_free(struct sa_slab *slab, void *block);
/* Whether it is a block; else, with errno EINVAL, that was said. */
bool sa_lent_check(const char *what, const struct sa_slab *slab, const void *block);
/* As sa_scope_misuse, in the hardened mode with what is known of the block. */
void sa_lent_misuse(const char *what, const struct sa_slab *slab, const void *block,
                    const char *reason);
/* NULL: it must be copied. */
void *sa_lent_resize(struct sa_slab *slab, void *block, size_t size);
/* Makes it an engine's block like any other, at the same address; false, with errno EINVAL, after
 * misuse. */
bool sa_lent_keep(struct sa_slab *slab, void *block);
/* Frees all that a scope has; returns the bytes that were charged. */
size_t sa_lent_free_all(struct sa_scope *scope);
/* In the child of a fork: what another thread was just freeing, resizing or keeping is nobody's. */
void sa_lent_forget(struct sa_scope *scope);

static inline struct sa_node *
sa_lent_node(const struct sa_slab *slab)
{
  return slab->free;
}

static inline size_t
sa_lent_charge(const struct sa_node *node)
{
  return atomic_load_explicit(&node->charged, memory_order_relaxed);
}

/* --- block.c ---------------------------------------------------------------------------------- */

/* The same as sa_scope_alloc, in an arena of the calling thread. */
void *sa_arena_block(struct sa_arena *arena, size_t size);
/* Whether no other thread has ever been in a scope. */
bool sa_scope_is_alone(struct sa_scope *scope);
/* The scope of a block; NULL when it is none of a scope's. */
struct sa_scope *sa_scope_of(const void *block);
void             sa_block_free(void *block);
void             sa_block_free_traced(struct sa_trace *trace, void *block);
void             sa_block_free_encoded(void *block);
void            *sa_block_resize(struct sa_slab *slab, void *block, size_t size);
void            *sa_block_beside(const struct sa_slab *slab, const void *block, size_t size);
size_t           sa_block_size(const struct sa_slab *slab, const void *block);
void             sa_block_wrong(const char *what, const struct sa_slab *slab, const void *block,
                                const char *reason);

/* --- stack.c ---------------------------------------------------------------------------------- */

/* The arena in which a thread is inside that is not the home thread; or NULL. */
struct sa_arena *sa_arena_joined(struct sa_scope *scope);
/* Gives a thread that is not inside, nor the home thread, an arena; NULL: no memory. The scope must
 * last meanwhile: it is alive, or others are inside. And gives up that arena. */
struct sa_arena *sa_arena_join_scope(struct sa_scope *scope);
void             sa_arena_leave(struct sa_arena *arena);
/* Whether the calling thread is inside a scope. */
bool sa_is_inside(struct sa_scope *scope);
/* Sees to it that this thread has a number and that its exit will be seen; false: no memory. */
bool sa_thread_begin(void);
void sa_thread_exits(void);
/* This thread's top frame, NULL when there is none. */
struct sa_frame *sa_frame_top(void);
/* Enters a scope; with NULL, the thread is in none until the frame goes. 0 or an errno value. */
int sa_frame_push(struct sa_scope *scope, enum sa_maker maker);
/* The same, and leaves the frame that was on top; on failure, nothing has changed. */
int sa_frame_replace(struct sa_scope *scope, enum sa_maker maker);
/* Leaves a frame and all above it. */
void sa_frame_pop(struct sa_frame *frame);

/* --- scope.c ---------------------------------------------------------------------------------- */

/* As sa_scope_create; `creator` is the code to be named in reports. */
struct sa_scope *sa_scope_create_for(const sa_scope_options *options, const void *creator);
/* Whether it is a scope, or may have been one: it lies where one would lie in a chunk. */
bool sa_scope_is_there(const struct sa_scope *scope);
/* Its state, if it is a scope; anything else is misuse, and then SA_NO_SCOPE. Touches no memory that
 * may not be there. */
enum sa_scope_state sa_scope_check_anywhere(const char *what, struct sa_scope *scope);

/* The state of a scope in the first region; SA_NO_SCOPE for any other pointer. */
static inline enum sa_scope_state
sa_scope_state_here(struct sa_scope *scope)
{
  size_t offset = (uintptr_t)scope - sa_home_base;
  if (SA_LIKELY(offset < sa_home_size && offset % SA_UNIT == offsetof(struct sa_chunk, first)
                && sa_slab_what(&sa_home_slabs[offset >> SA_UNIT_SHIFT]) == SA_LENT))
    return atomic_load_explicit(&scope->state, memory_order_acquire);
  return SA_NO_SCOPE;
}

/* As sa_scope_check_anywhere; quick in the first region. */
static inline enum sa_scope_state
sa_scope_check(const char *what, struct sa_scope *scope)
{
  enum sa_scope_state state = sa_scope_state_here(scope);
  return SA_LIKELY(state != SA_NO_SCOPE) ? state : sa_scope_check_anywhere(what, scope);
}

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

static inline bool
sa_is_home(const struct sa_scope *scope)
{
  return scope->home == sa_thread.id;
}

/* The calling thread's arena in a scope: NULL when it is not inside nor the home thread. */
static inline struct sa_arena *
sa_arena_mine(struct sa_scope *scope)
{
  return SA_LIKELY(sa_is_home(scope)) ? sa_scope_home_arena(scope) : sa_arena_joined(scope);
}

/* --- stats.c ---------------------------------------------------------------------------------- */

/* What is in a copy of a chunk, for the engine: see engine.h. */
struct sa_lent_count sa_chunk_count(const void *copy, const void *start);

/* --- report.c --------------------------------------------------------------------------------- */

/* At a scope's end, if leaks are to be reported. */
void sa_report_over_budget(const struct sa_scope *scope);
/* As sa_misuse, and names the scope, if it has a name, also after its end as long as that stands there. */
void sa_scope_misuse(const char *what, const void *pointer, const struct sa_scope *scope,
                     const char *reason);

#pragma GCC visibility pop

#endif
