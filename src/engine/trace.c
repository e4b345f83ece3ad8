/* STUBALLOC=trace=FILE: see trace.h, and trace_file.h for what is written. */
#include "engine/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/hardened.h"
#include "engine/trace_file.h"
#include "engine/watch.h"
#include "os/os.h"

enum { STAMP_EVERY = 1024 }; /* bytes, about */

/* What a thread records. Its alone, where nothing else is said. */
struct sa_trace {
  struct sa_cache     *cache;
  size_t               home_size; /* what sa_home_size would be */
  uint8_t             *due;       /* when `at` is there, a stamp is, or the buffer is full */
  struct sa_trace_near near;
  uint8_t              step[SA_CLASSES];         /* of each class, log2 */
  uint8_t              class_of[SA_TRACE_SLOTS]; /* of the size in each slot, if it has one */
  bool                 is_last_call;             /* its thread has exited, and gives it up again */
  /* Where the next event goes. Written by the thread, with release after the one before it, and read by
   * who writes the buffer to the file in its place, with acquire. */
  _Atomic(uint8_t *) at;
  char               names[SA_TRACE_NAMES][SA_TRACE_NAME];
  unsigned           next_name; /* the place of the oldest */
  uint32_t           thread;
  /* Changed by who has the lock. */
  uint32_t         sequence;
  bool             fresh;
  const uint8_t   *written; /* what is before is in the file */
  uint64_t         began;   /* stamp of the first event; set while nothing of it is written */
  struct sa_trace *next;    /* in the list of all; set once, before it is published */
  _Atomic bool     in_use;  /* taken with acquire, given up with release */
  uint8_t          bytes[SA_TRACE_MOST];
};

/* What is left of it when a thread has exited; destructors that run later may have more to tell. */
struct after_exit {
  uint32_t thread; /* 0: it has not exited */
  uint32_t sequence;
};

SA_EACH_THREADS struct sa_trace *sa_own_trace;
/* The same also while it is paused. */
SA_EACH_THREADS_STATIC struct sa_trace *own_or_paused;
#define mine SA_THIS_THREADS(own_or_paused)
SA_EACH_THREADS_STATIC struct after_exit own_after;
#define after SA_THIS_THREADS(own_after)

/* From SA_TRACE_ON to SA_TRACE_OFF by any thread: who does not see it yet records a little more, which
 * goes nowhere. */
_Atomic enum sa_trace_state sa_trace_state;

/* Pushed to by compare-and-swap with release, read with acquire; nothing is ever taken off. */
static _Atomic(struct sa_trace *) all;
static _Atomic uint32_t threads; /* relaxed: all that matters is that each gets another one */

/* Set before there are threads, and by the one thread of a fork's child. */
static int file = -1;

static enum sa_trace_state
state_now(void)
{
  return atomic_load_explicit(&sa_trace_state, memory_order_relaxed);
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
         state_now() == SA_TRACE_ON ? " from now on" : "");
}

static void
end(void)
{
  atomic_store_explicit(&sa_trace_state, SA_TRACE_OFF, memory_order_relaxed);
  sa_os_record_close(file);
}

/* With the lock: what is in a buffer up to there. */
static void
write_up_to(struct sa_trace *trace, const uint8_t *end_of_it)
{
  struct sa_trace_segment segment = {
    .magic = SA_TRACE_SEGMENT,
    .thread = trace->thread,
    .sequence = trace->sequence,
    .length = (uint32_t)(end_of_it - trace->written),
    .stamp = trace->began,
    .fresh = trace->fresh,
  };
  if (segment.length == 0 || state_now() != SA_TRACE_ON)
    return;
  segment.sum = sa_trace_sum(&segment, trace->written);
  int failed = sa_os_record(file, &segment, sizeof segment, trace->written, segment.length);
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
  atomic_store_explicit(&sa_trace_state, failed ? SA_TRACE_OFF : SA_TRACE_ON, memory_order_relaxed);
}

void
sa_trace_begin(void)
{
  const char *instead = sa_hardened ? "the hardened mode" : sa_watch_is_there() ? "memcheck" : NULL;
  if (sa_options.trace[0] && instead)
    sa_say("'trace' in STUBALLOC is not for %s; recording nothing", instead);
  if (sa_options.trace[0] && !instead)
    begin_file();
  else
    atomic_store_explicit(&sa_trace_state, SA_TRACE_OFF, memory_order_relaxed);
}

bool
sa_trace_is_wanted(void)
{
  return state_now() == SA_TRACE_ON;
}

/* --- a thread's buffer ------------------------------------------------------------------------ */

static inline uint8_t *
place(struct sa_trace *trace)
{
  return atomic_load_explicit(&trace->at, memory_order_relaxed);
}

static inline void
set_place(struct sa_trace *trace, uint8_t *at)
{
  atomic_store_explicit(&trace->at, at, memory_order_release);
}

/* Where an event may begin, and still end in the buffer. */
static uint8_t *
last_place(struct sa_trace *trace)
{
  return trace->bytes + SA_TRACE_MOST - SA_TRACE_LONGEST;
}

static void
set_due(struct sa_trace *trace)
{
  uint8_t *next = place(trace) + STAMP_EVERY;
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
  trace->written = trace->bytes;
  set_place(trace, trace->bytes);
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

/* An event begins. */
static inline uint8_t *
put(struct sa_trace *trace, unsigned code, unsigned low)
{
  uint8_t *at = place(trace);
  at[0] = (uint8_t)low;
  at[1] = (uint8_t)code;
  return at + 2;
}

/* The lowest of its bytes, in this machine's order of them. */
static uint8_t *
put_number(uint8_t *at, uint64_t number, size_t length)
{
  for (size_t i = 0; i < length; i++)
    at[i] = (uint8_t)(number >> 8 * i);
  return at + length;
}

static uint8_t *
put_address(uint8_t *at, const void *address)
{
  return put_number(at, (uintptr_t)address >> 4, SA_TRACE_ADDRESS);
}

static void
put_stamp(struct sa_trace *trace)
{
  uint64_t passed = sa_os_nanoseconds() - trace->near.stamp;
  trace->near.stamp += passed;
  set_place(trace, put_number(put(trace, 128 + SA_TRACE_STAMP, 0), passed, SA_TRACE_ADDRESS));
  set_due(trace);
}

/* There is no trace any more; so the thread has its cache back. */
static void
give_up(struct sa_trace *trace)
{
  sa_self = trace->cache;
  sa_my_trace = mine = NULL;
  atomic_store_explicit(&trace->in_use, false, memory_order_release);
}

/* Returns the block. Out of line, and the last thing that its callers do. */
static SA_ATTRIBUTE(noinline) void *do_what_is_due(struct sa_trace *trace, void *block)
{
  if (place(trace) >= last_place(trace))
    flush(trace);
  else
    put_stamp(trace);
  if (state_now() != SA_TRACE_ON && sa_my_trace)
    give_up(trace); /* else when it is resumed */
  return block;
}

/* An event ends there. Returns the block. */
static inline void *
done(struct sa_trace *trace, uint8_t *at, void *block)
{
  set_place(trace, at);
  return SA_LIKELY(at < trace->due) ? block : do_what_is_due(trace, block);
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
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    trace->step[cls] = (uint8_t)sa_trace_step(cls);
  begin_buffer(trace);
  atomic_init(&trace->in_use, true);
  trace->next = atomic_load_explicit(&all, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&all, &trace->next, trace, memory_order_release,
                                                memory_order_relaxed))
    ;
  return trace;
}

/* For a thread without; with its cache in its place. NULL: there is no memory. */
static struct sa_trace *
take_trace(struct sa_cache *cache)
{
  struct sa_trace *trace = waiting_trace();
  if (!trace)
    trace = new_trace();
  if (!trace)
    return NULL;
  lock();
  trace->cache = cache;
  trace->home_size = sa_region_at(0) ? sa_region_at(0)->size : 0;
  trace->thread =
    after.thread ? after.thread : 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
  trace->sequence = after.sequence;
  trace->is_last_call = after.thread != 0;
  begin_buffer(trace);
  unlock();
  return trace;
}

/* Without memory for a trace, the thread does without. */
bool
sa_trace_thread_begins(void)
{
  sa_begin();
  if (state_now() != SA_TRACE_ON || sa_self != &sa_no_cache)
    return false;
  struct sa_cache *cache = sa_cache_begin();
  struct sa_trace *trace = cache ? take_trace(cache) : NULL;
  if (!trace)
    return false;
  sa_my_trace = mine = trace;
  sa_self = &sa_no_cache;
  return true;
}

struct sa_trace *
sa_trace_pauses(void)
{
  struct sa_trace *trace = sa_my_trace;
  sa_self = trace->cache;
  sa_my_trace = NULL;
  return trace;
}

/* A thread that has exited keeps neither buffer nor cache. */
static void
give_up_again(struct sa_trace *trace)
{
  struct sa_cache *cache = trace->cache;
  flush(trace);
  after.sequence = trace->sequence;
  give_up(trace);
  sa_self = &sa_no_cache;
  sa_cache_done(cache);
}

void
sa_trace_resumes(struct sa_trace *trace)
{
  if (SA_UNLIKELY(state_now() != SA_TRACE_ON)) {
    give_up(trace);
    return;
  }
  sa_self = &sa_no_cache;
  sa_my_trace = trace;
  if (SA_UNLIKELY(trace->is_last_call))
    give_up_again(trace);
}

void
sa_trace_thread_exits(void)
{
  struct sa_trace *trace = mine;
  if (!trace)
    return;
  flush(trace);
  after = (struct after_exit){trace->thread, trace->sequence};
  give_up(trace);
}

void
sa_trace_forked(void)
{
  struct sa_trace *trace = atomic_load_explicit(&all, memory_order_acquire);
  if (state_now() != SA_TRACE_ON)
    return;
  unlock(); /* who had it is gone */
  sa_os_record_close(file);
  if (strstr(sa_options.trace, "%p"))
    begin_file();
  else
    atomic_store_explicit(&sa_trace_state, SA_TRACE_OFF, memory_order_relaxed);
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
  if (state_now() != SA_TRACE_ON)
    return;
  lock();
  for (; trace; trace = trace->next)
    write_up_to(trace, atomic_load_explicit(&trace->at, memory_order_acquire));
  if (state_now() == SA_TRACE_ON)
    end();
  unlock();
}

/* --- blocks ----------------------------------------------------------------------------------- */

void
sa_trace_stamp(struct sa_trace *trace)
{
  put_stamp(trace);
}

static SA_ATTRIBUTE(noinline) void put_size(struct sa_trace *trace, size_t size)
{
  unsigned slot = sa_trace_slot(size);
  trace->near.size[slot] = size;
  trace->class_of[slot] = size <= SA_CLASS_MAX ? (uint8_t)sa_class_of(size) : SA_CLASSES;
  set_place(trace, put_number(put(trace, 128 + SA_TRACE_SIZE, slot), size, sizeof(uint64_t)));
}

static inline bool
has_slot(const struct sa_trace *trace, size_t size)
{
  return SA_LIKELY(trace->near.size[sa_trace_slot(size)] == size);
}

/* The slot of a size, which has it then. */
static unsigned
slot_of(struct sa_trace *trace, size_t size)
{
  if (!has_slot(trace, size))
    put_size(trace, size);
  return sa_trace_slot(size);
}

/* The steps that lead to this block from the last one of its class. */
static inline int64_t
steps_to(struct sa_trace *trace, unsigned cls, const void *block)
{
  int64_t away = (int64_t)((uintptr_t)block - trace->near.last[cls]);
  trace->near.last[cls] = (uintptr_t)block;
  return away >> trace->step[cls];
}

/* Returns the block. */
static SA_ATTRIBUTE(noinline) void *put_far(struct sa_trace *trace, enum sa_trace_code code,
                                            unsigned low, void *block)
{
  return done(trace, put_address(put(trace, 128 + (unsigned)code, low), block), block);
}

/* An event on a block, of which it is told how to find it, or where it is. Returns the block. */
static inline void *
put_near(struct sa_trace *trace, unsigned code, int64_t steps, enum sa_trace_code far_code,
         unsigned far_low, void *block)
{
  if (SA_UNLIKELY(steps != (int8_t)steps))
    return put_far(trace, far_code, far_low, block);
  return done(trace, put(trace, code, (unsigned)steps), block);
}

/* One of any size, had in any way. */
static void
put_block(struct sa_trace *trace, size_t size, void *block)
{
  if (size <= SA_CLASS_MAX)
    trace->near.last[sa_class_of(size)] = (uintptr_t)block;
  put_far(trace, SA_TRACE_FAR, slot_of(trace, size), block);
}

void *
sa_traced_malloc_slowly(size_t size)
{
  struct sa_trace *paused = sa_trace_pause();
  void            *block =
    size > SA_CLASS_MAX ? sa_large_alloc(size, SA_UNIT, false) : sa_alloc_from_slab(size);
  if (paused && block) {
    put_stamp(paused);
    put_block(paused, size, block);
  }
  sa_trace_resume(paused);
  return block;
}

/* By a thread without a trace, or of a size that is new to it. */
static SA_ATTRIBUTE(noinline) void *malloc_first(size_t size)
{
  if (!sa_traced())
    return sa_alloc_from_slab(size);
  if (!has_slot(sa_my_trace, size))
    put_size(sa_my_trace, size);
  return sa_traced_malloc(size);
}

void *
sa_traced_malloc(size_t size)
{
  struct sa_trace *trace = sa_my_trace;
  if (SA_UNLIKELY(!trace || !has_slot(trace, size)))
    return malloc_first(size);
  unsigned        cls = trace->class_of[sa_trace_slot(size)];
  struct sa_slab *slab = trace->cache->current[cls];
  void           *block = slab->free;
  if (SA_UNLIKELY(!block))
    return sa_traced_malloc_slowly(size);
  slab->free = *(void **)block;
  return put_near(trace, sa_trace_slot(size), steps_to(trace, cls, block), SA_TRACE_FAR,
                  sa_trace_slot(size), sa_block_out(block));
}

/* What was allocated while it was paused, after an event that tells of what kind it is. */
static void *
end_special(struct sa_trace *paused, enum sa_trace_code code, unsigned low, size_t size,
            void *block)
{
  if (paused && block) {
    put_stamp(paused);
    done(paused, put(paused, 128 + (unsigned)code, low), NULL);
    put_block(paused, size, block);
  }
  sa_trace_resume(paused);
  return block;
}

void *
sa_traced_calloc(size_t count, size_t size)
{
  struct sa_trace *paused = sa_trace_pause();
  return end_special(paused, SA_TRACE_ZEROED, 0, count * size, sa_calloc(count, size));
}

void *
sa_traced_aligned_alloc(size_t alignment, size_t size)
{
  struct sa_trace *paused = sa_trace_pause();
  return end_special(paused, SA_TRACE_ALIGNED, (unsigned)__builtin_ctzll(alignment), size,
                     sa_aligned_alloc(alignment, size));
}

/* An event with two addresses. */
static void
put_two(struct sa_trace *trace, enum sa_trace_code code, unsigned low, const void *one,
        const void *two)
{
  uint8_t *at = put(trace, 128 + (unsigned)code, low);
  done(trace, put_address(put_address(at, one), two), NULL);
}

void *
sa_traced_realloc(void *block, size_t size)
{
  struct sa_trace *paused = sa_trace_pause();
  void            *to = sa_realloc(block, size);
  if (paused && to) {
    put_stamp(paused);
    put_two(paused, SA_TRACE_REALLOC, slot_of(paused, size), block, to);
  }
  sa_trace_resume(paused);
  return to;
}

/* --- frees ------------------------------------------------------------------------------------ */

static void
put_free_far(struct sa_trace *trace, void *block)
{
  trace->near.freed = (uintptr_t)block;
  put_far(trace, SA_TRACE_FREE_FAR, 0, block);
}

/* Who has been in the scope alone can free no other thread's. */
void
sa_trace_free_in_scope(struct sa_trace *trace, void *block, bool alone)
{
  if (!alone)
    put_stamp(trace);
  int64_t steps = (int64_t)((uintptr_t)block - trace->near.freed) >> 4;
  trace->near.freed = (uintptr_t)block;
  if (SA_LIKELY(steps == (int8_t)steps)) {
    done(trace, put(trace, 128 + SA_TRACE_FREE_BESIDE, (unsigned)steps), NULL);
    return;
  }
  if (steps < -(1 << 23) || steps >= 1 << 23) {
    put_free_far(trace, block);
    return;
  }
  uint8_t *at = put(trace, 128 + SA_TRACE_FREE_NEAR, (unsigned)((uint64_t)steps >> 16));
  done(trace, put_number(at, (uint64_t)steps, 2), NULL);
}

static inline bool
is_mine(const struct sa_slab *slab)
{
  return SA_LIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) == sa_os_thread());
}

static inline void
put_free(struct sa_trace *trace, const struct sa_slab *slab, void *block)
{
  unsigned cls = sa_slab_class(slab);
  put_near(trace, 128 + cls, steps_to(trace, cls, block), SA_TRACE_FREE_FAR, cls + 1, block);
}

static SA_ATTRIBUTE(noinline) void free_slowly(struct sa_trace *trace, void *block)
{
  if (!block)
    return;
  const struct sa_slab *slab = sa_slab_of(block);
  if (slab && sa_slab_what(slab) == SA_LENT) {
    sa_hooks_get()->free_traced(trace, block);
    return;
  }
  sa_trace_pauses();
  if (slab && is_mine(slab)) {
    put_free(trace, slab, block);
  } else {
    put_stamp(trace);
    put_free_far(trace, block);
  }
  sa_free_any(block);
  sa_trace_resumes(trace);
}

/* By a thread without a trace. */
static SA_ATTRIBUTE(noinline) void free_first(void *block)
{
  if (sa_traced())
    sa_traced_free(block);
  else
    sa_free_any(block);
}

void
sa_traced_free(void *block)
{
  struct sa_trace *trace = sa_my_trace;
  if (SA_UNLIKELY(!trace)) {
    free_first(block);
    return;
  }
  size_t          offset = (uintptr_t)block - sa_home_base;
  struct sa_slab *slab = sa_home_slabs + (offset >> SA_UNIT_SHIFT);
  if (SA_UNLIKELY(offset >= trace->home_size || !is_mine(slab) || slab->free == block)) {
    bool in_scope = offset < trace->home_size && sa_slab_what(slab) == SA_LENT;
    (in_scope ? sa_hooks_get()->free_traced : free_slowly)(trace, block);
    return;
  }
  *(void **)block = slab->free;
  slab->free = block;
  put_free(trace, slab, block);
}

/* --- scopes ----------------------------------------------------------------------------------- */

static SA_ATTRIBUTE(noinline) void *in_scope_elsewhere(struct sa_trace *trace, void *block,
                                                       size_t size)
{
  unsigned slot = slot_of(trace, size);
  int64_t  steps = (int64_t)((uintptr_t)block - trace->near.next) >> 4;
  sa_trace_expect(&trace->near, (uintptr_t)block, size);
  if (SA_UNLIKELY(steps != (int16_t)steps))
    return put_far(trace, SA_TRACE_IN_SCOPE_FAR, slot, block);
  uint8_t *at = put(trace, 128 + SA_TRACE_IN_SCOPE_NEAR, slot);
  return done(trace, put_number(at, (uint64_t)steps, 2), block);
}

void *
sa_trace_in_scope(struct sa_trace *trace, void *block, size_t size)
{
  if (SA_UNLIKELY((uintptr_t)block != trace->near.next || !has_slot(trace, size)))
    return in_scope_elsewhere(trace, block, size);
  sa_trace_expect(&trace->near, (uintptr_t)block, size);
  return done(trace, put(trace, 128 + SA_TRACE_IN_SCOPE, sa_trace_slot(size)), block);
}

void
sa_trace_into(struct sa_trace *trace, const void *scope, const void *block, size_t size)
{
  put_two(trace, SA_TRACE_INTO, slot_of(trace, size), block, scope);
}

void
sa_trace_kept(struct sa_trace *trace, const void *before, const void *now)
{
  put_two(trace, SA_TRACE_KEEP, 0, before, now);
}

/* The place of a name, which has it then. */
static unsigned
place_of(struct sa_trace *trace, const char *name)
{
  char text[SA_TRACE_NAME] = "";
  memcpy(text, name, strnlen(name, sizeof text - 1));
  unsigned found = 0;
  while (found < SA_TRACE_NAMES && memcmp(trace->names[found], text, sizeof text) != 0)
    found++;
  if (found < SA_TRACE_NAMES)
    return found;
  found = trace->next_name++ % SA_TRACE_NAMES;
  memcpy(trace->names[found], text, sizeof text);
  uint8_t *at = put(trace, 128 + SA_TRACE_NAMED, found);
  memcpy(at, text, sizeof text);
  set_place(trace, at + sizeof text);
  return found;
}

void
sa_trace_create(struct sa_trace *trace, void *scope, const char *name)
{
  unsigned low = name[0] ? place_of(trace, name) + 1 : 0;
  bool     again = (uintptr_t)scope == trace->near.created;
  sa_trace_created(&trace->near, (uintptr_t)scope);
  if (again)
    done(trace, put(trace, 128 + SA_TRACE_CREATE_AGAIN, low), NULL);
  else
    put_far(trace, SA_TRACE_CREATE, low, scope);
}

static void
put_scope(struct sa_trace *trace, enum sa_trace_code code, void *scope)
{
  if ((uintptr_t)scope == trace->near.created)
    done(trace, put(trace, 128 + (unsigned)code, 1), NULL);
  else
    put_far(trace, code, 0, scope);
}

void
sa_trace_enter(struct sa_trace *trace, void *scope)
{
  put_scope(trace, SA_TRACE_ENTER, scope);
}

void
sa_trace_leave(struct sa_trace *trace, void *scope)
{
  put_scope(trace, SA_TRACE_LEAVE, scope);
}

void
sa_trace_destroy(struct sa_trace *trace, void *scope)
{
  put_scope(trace, SA_TRACE_DESTROY, scope);
}

void
sa_trace_call(const char *interface, unsigned operation)
{
  if (!sa_traced())
    return;
  struct sa_trace *trace = sa_my_trace;
  uint8_t         *at = put(trace, 128 + SA_TRACE_CALL, place_of(trace, interface));
  done(trace, put_number(at, operation, 4), NULL);
}

void
sa_trace_call_ends(void)
{
  if (sa_traced())
    done(sa_my_trace, put(sa_my_trace, 128 + SA_TRACE_CALL_ENDS, 0), NULL);
}
