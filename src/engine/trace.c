/* STUBALLOC=trace=FILE: see trace.h, and trace_file.h for what is written. */
#include "engine/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/trace_file.h"
#include "os/os.h"

enum { STAMP_EVERY = 128 }; /* units, at least */

/* What a thread records. Its alone, where nothing else is said. */
struct sa_trace {
  struct sa_cache     *cache;
  uint16_t            *due; /* when `at` is there, a stamp is, or the buffer is full */
  struct sa_trace_near near;
  /* Where the next unit goes. Written by the thread, with release after the units before it, and read by
   * who writes the buffer to the file in its place, with acquire. */
  _Atomic(uint16_t *) at;
  char                names[SA_TRACE_NAMES][SA_TRACE_NAME];
  unsigned            next_name; /* the place of the oldest */
  uint32_t            thread;
  /* Changed by who has the lock. */
  uint32_t         sequence;
  bool             fresh;
  const uint16_t  *written; /* the units before are in the file */
  uint64_t         began;   /* stamp of the first unit; set while nothing of it is written */
  struct sa_trace *next;    /* in the list of all; set once, before it is published */
  _Atomic bool     in_use;  /* taken with acquire, given up with release */
  uint16_t         units[SA_TRACE_UNITS];
};

/* What is left of it when a thread has exited; destructors that run later may have more to tell. */
struct after_exit {
  uint32_t thread; /* 0: it has not exited */
  uint32_t sequence;
};

SA_EACH_THREADS_STATIC struct sa_trace *own_trace;
#define mine SA_THIS_THREADS(own_trace)
SA_EACH_THREADS_STATIC struct after_exit own_after;
#define after SA_THIS_THREADS(own_after)

/* Set to one of the others before there are threads, and from ON to OFF by any thread. Relaxed: who does
 * not see it yet records a little more, which goes nowhere. */
static _Atomic enum state { UNKNOWN, OFF, ON } state;

/* Pushed to by compare-and-swap with release, read with acquire; nothing is ever taken off. */
static _Atomic(struct sa_trace *) all;
static _Atomic uint32_t           threads; /* relaxed: all that matters is that each gets another one */

/* Set before there are threads, and by the one thread of a fork's child. */
static int file = -1;

static enum state
state_now(void)
{
  return atomic_load_explicit(&state, memory_order_relaxed);
}

/* --- the file --------------------------------------------------------------------------------- */

/* Held by who writes to it, or ends the trace. */
static atomic_flag writing = ATOMIC_FLAG_INIT;

static void
lock(void)
{
  while (atomic_flag_test_and_set_explicit(&writing, memory_order_acquire))
    sa_os_yield();
}

static void
unlock(void)
{
  atomic_flag_clear_explicit(&writing, memory_order_release);
}

static void
say_failure(int error)
{
  sa_say("trace=%s: %s; nothing is recorded%s", sa_options.trace, strerror(error),
         state_now() == ON ? " from now on" : "");
}

static void
end(void)
{
  atomic_store_explicit(&state, OFF, memory_order_relaxed);
  sa_os_record_close(file);
}

/* With the lock: what is in a buffer up to there. */
static void
write_up_to(struct sa_trace *trace, const uint16_t *end_of_it)
{
  struct sa_trace_segment segment = {
    .magic = SA_TRACE_SEGMENT,
    .thread = trace->thread,
    .sequence = trace->sequence,
    .units = (uint32_t)(end_of_it - trace->written),
    .stamp = trace->began,
    .fresh = trace->fresh,
  };
  if (segment.units == 0 || state_now() != ON)
    return;
  segment.sum = sa_trace_sum(&segment, trace->written);
  int failed = sa_os_record(file, &segment, sizeof segment, trace->written,
                            segment.units * sizeof *trace->written);
  if (failed) {
    say_failure(failed);
    end();
  }
  trace->written = end_of_it;
  trace->fresh = false;
  trace->sequence++;
}

/* The name of the file, with the process's number. */
static int
open_file(void)
{
  char        path[SA_TRACE_PATH + 32];
  const char *rest = strstr(sa_options.trace, "%p");
  if (rest)
    snprintf(path, sizeof path, "%.*s%ld%s", (int)(rest - sa_options.trace), sa_options.trace,
             sa_os_process(), rest + 2);
  else
    snprintf(path, sizeof path, "%s", sa_options.trace);
  return sa_os_record_open(path);
}

static int
write_header(void)
{
  struct sa_trace_header header = {
    .magic = SA_TRACE_MAGIC,
    .version = SA_TRACE_VERSION,
    .bytes = SA_TRACE_BYTES,
    .process = (uint64_t)sa_os_process(),
    .began = sa_os_nanoseconds(),
  };
  sa_os_program(header.program, sizeof header.program);
  return sa_os_record(file, &header, sizeof header, NULL, 0);
}

static void
begin_file(void)
{
  file = open_file();
  int failed = file < 0 ? errno : write_header();
  if (failed)
    say_failure(failed);
  atomic_store_explicit(&state, failed ? OFF : ON, memory_order_relaxed);
}

void
sa_trace_begin(void)
{
  if (sa_options.trace[0])
    begin_file();
  else
    atomic_store_explicit(&state, OFF, memory_order_relaxed);
}

bool
sa_trace_is_wanted(void)
{
  return state_now() == ON;
}

/* --- a thread's buffer ------------------------------------------------------------------------ */

static uint16_t *
place(struct sa_trace *trace)
{
  return atomic_load_explicit(&trace->at, memory_order_relaxed);
}

static void
set_place(struct sa_trace *trace, uint16_t *at)
{
  atomic_store_explicit(&trace->at, at, memory_order_release);
}

/* Where an event may begin, and still end in the buffer. */
static uint16_t *
last_place(struct sa_trace *trace)
{
  return trace->units + SA_TRACE_UNITS - SA_TRACE_LONGEST;
}

static void
set_due(struct sa_trace *trace)
{
  uint16_t *next = place(trace) + STAMP_EVERY;
  trace->due = next < last_place(trace) ? next : last_place(trace);
}

/* With the lock, or unknown to others. */
static void
begin_buffer(struct sa_trace *trace)
{
  sa_trace_forget(&trace->near);
  memset(trace->names, 0, sizeof trace->names);
  trace->near.stamp = trace->began = sa_os_nanoseconds();
  trace->fresh = true;
  trace->written = trace->units;
  set_place(trace, trace->units);
  set_due(trace);
}

static void
flush(struct sa_trace *trace)
{
  int saved = errno;
  lock();
  write_up_to(trace, place(trace));
  begin_buffer(trace);
  unlock();
  errno = saved;
}

static void
put_stamp(struct sa_trace *trace)
{
  uint64_t  now = sa_os_nanoseconds();
  uint64_t  most = (UINT64_C(1) << 40) - 1;
  uint64_t  passed = now - trace->near.stamp < most ? now - trace->near.stamp : most;
  uint16_t *at = place(trace);
  at[0] = (uint16_t)(0x8000 | SA_TRACE_STAMP << 8 | passed >> 32);
  at[1] = (uint16_t)passed;
  at[2] = (uint16_t)(passed >> 16);
  trace->near.stamp += passed;
  set_place(trace, at + 3);
  set_due(trace);
}

/* Out of line, as it is rarely called from many places. */
static SA_ATTRIBUTE(noinline) void is_due(struct sa_trace *trace)
{
  if (place(trace) >= last_place(trace))
    flush(trace);
  else
    put_stamp(trace);
}

/* An event ends there. */
static inline void
done(struct sa_trace *trace, uint16_t *at)
{
  set_place(trace, at);
  if (SA_UNLIKELY(at >= trace->due))
    is_due(trace);
}

/* One that may take longer begins. */
static uint16_t *
put(struct sa_trace *trace, enum sa_trace_code code, unsigned low)
{
  uint16_t *at = place(trace);
  *at = (uint16_t)(0x8000 | (unsigned)code << 8 | (low & 0xff));
  return at + 1;
}

static uint16_t *
put_address(uint16_t *at, uint64_t address)
{
  at[0] = (uint16_t)(address >> 4);
  at[1] = (uint16_t)(address >> 20);
  at[2] = (uint16_t)(address >> 36);
  return at + 3;
}

static uint16_t *
put_bytes(uint16_t *at, const void *bytes, size_t length)
{
  memcpy(at, bytes, length);
  return at + length / sizeof *at;
}

/* --- a thread's life -------------------------------------------------------------------------- */

static struct sa_trace *
waiting_trace(void)
{
  struct sa_trace *trace = atomic_load_explicit(&all, memory_order_acquire);
  for (; trace; trace = trace->next) {
    bool in_use = atomic_load_explicit(&trace->in_use, memory_order_relaxed);
    if (!in_use
        && atomic_compare_exchange_strong_explicit(&trace->in_use, &in_use, true,
                                                   memory_order_acquire, memory_order_relaxed))
      return trace;
  }
  return NULL;
}

static struct sa_trace *
new_trace(void)
{
  size_t           length = (sizeof(struct sa_trace) + sa_os_page() - 1) & ~(sa_os_page() - 1);
  struct sa_trace *trace = sa_os_reserve(length, sa_os_page());
  if (!trace)
    return NULL;
  if (!sa_os_commit(trace, length)) {
    sa_os_release(trace, length);
    return NULL;
  }
  begin_buffer(trace);
  atomic_init(&trace->in_use, true);
  trace->next = atomic_load_explicit(&all, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&all, &trace->next, trace, memory_order_release,
                                                memory_order_relaxed))
    ;
  return trace;
}

/* Gives up a buffer that is empty, or as far as it matters. */
static void
leave(struct sa_trace *trace)
{
  mine = NULL;
  atomic_store_explicit(&trace->in_use, false, memory_order_release);
}

/* With the thread's cache in its place; false: there is no memory, and no trace of this thread. */
static bool
begin_thread(void)
{
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return false;
  struct sa_trace *trace = waiting_trace();
  if (!trace)
    trace = new_trace();
  if (!trace)
    return false;
  lock();
  trace->cache = cache;
  trace->thread = after.thread ? after.thread
                               : 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
  trace->sequence = after.sequence;
  begin_buffer(trace);
  unlock();
  mine = trace;
  return true;
}

bool
sa_trace_is_on(void)
{
  if (SA_UNLIKELY(state_now() == UNKNOWN))
    sa_engine_begin();
  return state_now() == ON && sa_self == &sa_no_cache;
}

bool
sa_trace_pauses(void)
{
  if (!mine && !begin_thread())
    return false;
  sa_self = mine->cache;
  return true;
}

/* A thread that has exited keeps neither buffer nor cache. */
static void
leave_again(struct sa_trace *trace)
{
  flush(trace);
  after.sequence = trace->sequence;
  struct sa_cache *cache = trace->cache;
  leave(trace);
  sa_cache_done(cache);
}

void
sa_trace_resumes(void)
{
  if (after.thread || state_now() == ON)
    sa_self = &sa_no_cache;
  if (SA_UNLIKELY(after.thread != 0))
    leave_again(mine);
}

struct sa_cache *
sa_trace_left(void)
{
  struct sa_trace *trace = mine;
  if (!trace || state_now() == ON)
    return NULL;
  struct sa_cache *cache = trace->cache;
  leave(trace);
  return cache;
}

void
sa_trace_thread_exits(void)
{
  struct sa_trace *trace = mine;
  if (!trace)
    return;
  flush(trace);
  sa_self = trace->cache;
  after = (struct after_exit){trace->thread, trace->sequence};
  leave(trace);
}

void
sa_trace_forked(void)
{
  struct sa_trace *trace = atomic_load_explicit(&all, memory_order_acquire);
  if (state_now() != ON)
    return;
  unlock(); /* who had it is gone */
  sa_os_record_close(file);
  if (strstr(sa_options.trace, "%p"))
    begin_file();
  else
    atomic_store_explicit(&state, OFF, memory_order_relaxed);
  for (; trace; trace = trace->next) {
    trace->sequence = 0;
    begin_buffer(trace);
    if (trace != mine)
      atomic_store_explicit(&trace->in_use, false, memory_order_relaxed);
  }
}

static SA_ATTRIBUTE(destructor) void end_at_exit(void)
{
  struct sa_trace *trace = atomic_load_explicit(&all, memory_order_acquire);
  if (state_now() != ON)
    return;
  lock();
  for (; trace; trace = trace->next)
    write_up_to(trace, atomic_load_explicit(&trace->at, memory_order_acquire));
  if (state_now() == ON)
    end();
  unlock();
}

/* --- blocks ----------------------------------------------------------------------------------- */

void
sa_trace_stamp(void)
{
  put_stamp(mine);
}

static SA_ATTRIBUTE(noinline) void put_size(struct sa_trace *trace, size_t size)
{
  uint64_t wide = size;
  unsigned slot = sa_trace_slot(size);
  trace->near.size[slot] = size;
  set_place(trace, put_bytes(put(trace, SA_TRACE_SIZE, slot), &wide, sizeof wide));
}

/* The slot of a size, which has it then. */
static inline unsigned
slot_of(struct sa_trace *trace, size_t size)
{
  unsigned slot = sa_trace_slot(size);
  if (SA_UNLIKELY(trace->near.size[slot] != size))
    put_size(trace, size);
  return slot;
}

/* Whether so few steps lead from the last block of the class to this one that they fit into a unit, in
 * which they are put then. */
static inline bool
is_near(struct sa_trace *trace, unsigned cls, const void *block, uint16_t *unit)
{
  int64_t away = (int64_t)((uintptr_t)block - trace->near.last[cls]);
  int64_t steps = away >> sa_trace_step(cls);
  trace->near.last[cls] = (uintptr_t)block;
  *unit = (uint16_t)(*unit | (steps & 0xff));
  return SA_LIKELY(steps == (int8_t)steps);
}

static SA_ATTRIBUTE(noinline) void put_far(struct sa_trace *trace, enum sa_trace_code code,
                                           unsigned low, const void *block)
{
  done(trace, put_address(put(trace, code, low), (uintptr_t)block));
}

/* A block of a class whose addresses are as its steps are. */
static inline void
put_alloc(struct sa_trace *trace, unsigned cls, size_t size, const void *block)
{
  unsigned slot = slot_of(trace, size);
  uint16_t unit = (uint16_t)(slot << 8);
  if (!is_near(trace, cls, block, &unit)) {
    put_far(trace, SA_TRACE_FAR, slot, block);
    return;
  }
  uint16_t *at = place(trace);
  *at = unit;
  done(trace, at + 1);
}

/* Of any size, and had in any way. */
static void
put_block(struct sa_trace *trace, size_t size, const void *block)
{
  if (size <= SA_CLASS_MAX)
    trace->near.last[sa_class_of(size)] = (uintptr_t)block;
  put_far(trace, SA_TRACE_FAR, slot_of(trace, size), block);
}

static SA_ATTRIBUTE(noinline) void *malloc_slowly(size_t size)
{
  bool  paused = sa_trace_pause();
  void *block;
  if (size > SA_CLASS_MAX) {
    block = sa_large_alloc(size, SA_UNIT, false);
  } else {
    struct sa_cache *cache = sa_cache_begin();
    block = cache ? sa_block_out(sa_cache_refill(cache, sa_class_of(size))) : sa_no_memory();
    if (cache)
      sa_cache_done(cache);
  }
  if (paused && block) {
    put_stamp(mine);
    put_block(mine, size, block);
  }
  sa_trace_resume(paused);
  return block;
}

void *
sa_traced_malloc(size_t size)
{
  struct sa_trace *trace = mine;
  if (SA_UNLIKELY(size > SA_CLASS_MAX || !trace))
    return malloc_slowly(size);
  unsigned        cls = trace->cache->classes.class_of[sa_granules(size)];
  struct sa_slab *slab = trace->cache->current[cls];
  void           *block = slab->free;
  if (SA_UNLIKELY(!block))
    return malloc_slowly(size);
  slab->free = *(void **)block;
  put_alloc(trace, cls, size, block);
  return sa_block_out(block);
}

/* What was allocated while it was paused, after an event that tells of what kind it is. */
static void *
end_special(bool paused, enum sa_trace_code code, unsigned low, size_t size, void *block)
{
  if (paused && block) {
    put_stamp(mine);
    done(mine, put(mine, code, low));
    put_block(mine, size, block);
  }
  sa_trace_resume(paused);
  return block;
}

void *
sa_traced_calloc(size_t count, size_t size)
{
  bool paused = sa_trace_pause();
  return end_special(paused, SA_TRACE_ZEROED, 0, count * size, sa_calloc(count, size));
}

void *
sa_traced_aligned_alloc(size_t alignment, size_t size)
{
  bool paused = sa_trace_pause();
  return end_special(paused, SA_TRACE_ALIGNED, (unsigned)__builtin_ctzll(alignment), size,
                     sa_aligned_alloc(alignment, size));
}

void *
sa_traced_realloc(void *block, size_t size)
{
  bool  paused = sa_trace_pause();
  void *to = sa_realloc(block, size);
  if (paused && to) {
    put_stamp(mine);
    uint16_t *at = put(mine, SA_TRACE_REALLOC, slot_of(mine, size));
    done(mine, put_address(put_address(at, (uintptr_t)block), (uintptr_t)to));
  }
  sa_trace_resume(paused);
  return to;
}

/* --- frees ------------------------------------------------------------------------------------ */

/* A block of a scope. Who has been in it alone can free no other thread's. */
static void
put_free_in_scope(struct sa_trace *trace, const void *block)
{
  if (!sa_hooks_get()->is_alone(block))
    put_stamp(trace);
  int64_t steps = (int64_t)((uintptr_t)block - trace->near.freed) / 16;
  if (steps != (int64_t)((uint64_t)steps << 40) >> 40) {
    put_far(trace, SA_TRACE_FREE_FAR, 0, block);
  } else {
    uint16_t *at = put(trace, SA_TRACE_FREE_NEAR, (unsigned)(steps >> 16) & 0xff);
    *at = (uint16_t)steps;
    done(trace, at + 1);
  }
  trace->near.freed = (uintptr_t)block;
}

static void
put_free_elsewhere(struct sa_trace *trace, const struct sa_slab *slab, const void *block)
{
  if (slab && sa_slab_what(slab) == SA_LENT) {
    put_free_in_scope(trace, block);
  } else {
    put_stamp(trace);
    put_far(trace, SA_TRACE_FREE_FAR, 0, block);
  }
}

static void
put_free(struct sa_trace *trace, unsigned cls, const void *block)
{
  uint16_t unit = (uint16_t)(0x8000 | cls << 8);
  if (!is_near(trace, cls, block, &unit)) {
    put_far(trace, SA_TRACE_FREE_FAR, cls + 1, block);
    return;
  }
  uint16_t *at = place(trace);
  *at = unit;
  done(trace, at + 1);
}

void
sa_trace_frees(const void *block)
{
  const struct sa_slab *slab = sa_slab_of(block);
  if (slab && atomic_load_explicit(&slab->owner, memory_order_relaxed) == sa_os_thread())
    put_free(mine, sa_slab_class(slab), block);
  else
    put_free_elsewhere(mine, slab, block);
}

/* --- scopes ----------------------------------------------------------------------------------- */

void
sa_trace_in_scope(const void *block, size_t size)
{
  struct sa_trace *trace = mine;
  unsigned         slot = slot_of(trace, size);
  bool             expected = (uintptr_t)block == trace->near.next;
  sa_trace_expect(&trace->near, (uintptr_t)block, size);
  if (SA_LIKELY(expected))
    done(trace, put(trace, SA_TRACE_IN_SCOPE, slot));
  else
    put_far(trace, SA_TRACE_IN_SCOPE_FAR, slot, block);
}

void
sa_trace_into(const void *scope, const void *block, size_t size)
{
  uint16_t *at = put(mine, SA_TRACE_INTO, slot_of(mine, size));
  done(mine, put_address(put_address(at, (uintptr_t)block), (uintptr_t)scope));
}

void
sa_trace_kept(const void *before, const void *now)
{
  uint16_t *at = put(mine, SA_TRACE_KEEP, 0);
  done(mine, put_address(put_address(at, (uintptr_t)before), (uintptr_t)now));
}

/* The place of a name, which has it then. */
static unsigned
place_of(struct sa_trace *trace, const char *name)
{
  char text[SA_TRACE_NAME] = "";
  memcpy(text, name, strnlen(name, sizeof text - 1));
  unsigned at = 0;
  while (at < SA_TRACE_NAMES && memcmp(trace->names[at], text, sizeof text) != 0)
    at++;
  if (at < SA_TRACE_NAMES)
    return at;
  at = trace->next_name++ % SA_TRACE_NAMES;
  memcpy(trace->names[at], text, sizeof text);
  set_place(trace, put_bytes(put(trace, SA_TRACE_NAMED, at), text, sizeof text));
  return at;
}

void
sa_trace_create(const void *scope, const char *name)
{
  struct sa_trace *trace = mine;
  unsigned         low = name[0] ? place_of(trace, name) + 1 : 0;
  bool             again = (uintptr_t)scope == trace->near.created;
  sa_trace_created(&trace->near, (uintptr_t)scope);
  if (again)
    done(trace, put(trace, SA_TRACE_CREATE_AGAIN, low));
  else
    put_far(trace, SA_TRACE_CREATE, low, scope);
}

static void
put_scope(enum sa_trace_code code, const void *scope)
{
  if ((uintptr_t)scope == mine->near.created)
    done(mine, put(mine, code, 1));
  else
    put_far(mine, code, 0, scope);
}

void
sa_trace_enter(const void *scope)
{
  put_scope(SA_TRACE_ENTER, scope);
}

void
sa_trace_leave(const void *scope)
{
  put_scope(SA_TRACE_LEAVE, scope);
}

void
sa_trace_destroy(const void *scope)
{
  put_scope(SA_TRACE_DESTROY, scope);
}

void
sa_trace_call(const char *interface, unsigned operation)
{
  uint32_t number = operation;
  bool     paused = sa_trace_pause();
  if (paused) {
    unsigned at = place_of(mine, interface);
    done(mine, put_bytes(put(mine, SA_TRACE_CALL, at), &number, sizeof number));
  }
  sa_trace_resume(paused);
}

void
sa_trace_call_ends(void)
{
  bool paused = sa_trace_pause();
  if (paused)
    done(mine, put(mine, SA_TRACE_CALL_ENDS, 0));
  sa_trace_resume(paused);
}
