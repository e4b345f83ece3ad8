/*
 * STUBALLOC=trace=FILE: what the program allocates and frees, on record.
 *
 * While a trace is recorded, no thread has its cache where the fast paths look for it, sa_home_size
 * stays 0, and nothing in a scope is quick. So every call falls through the fast paths, in which no
 * instruction is for this, to the mode's detours (alloc.c); what has none asks sa_traced() first. They put
 * the cache in its place for as long as the library works (`pause`, when nothing that it calls is
 * recorded), and tell what was done.
 *
 * A thread writes what it does into a buffer of its own, as trace_file.h describes, with
 * plain stores but for `at`, and the whole buffer to the file when it is full. When the process exits,
 * the others' buffers are written, too, as far as `at` says. One lock, for writing, is held by who
 * writes, and a buffer that has been written by another thread is not written again. No event takes a
 * look at the clock of itself; trace_file.h says when there is a stamp.
 *
 * The first write that fails ends the trace. After its end each thread gets its cache back when it comes
 * by; what it frees still takes the longer way.
 *
 * The child of a fork does not go on with its parent's file. If the file's name has %p for the number of
 * the process, it begins one of its own; else it records nothing.
 */
#ifndef SA_ENGINE_TRACE_H
#define SA_ENGINE_TRACE_H

#include "engine/engine.h"

#pragma GCC visibility push(hidden)

/* Opens the file, before there is anything to be recorded; does nothing unless it is asked for. */
void sa_trace_begin(void);
/* Whether fast paths are to find nothing. */
bool sa_trace_is_wanted(void);

/* Whether a trace is recorded: not known until the options are read, and off again when it has ended.
 * Stored by whoever finds that out; relaxed, since all else about a trace is under its lock. */
enum sa_trace_state { SA_TRACE_UNKNOWN, SA_TRACE_OFF, SA_TRACE_ON };
extern _Atomic enum sa_trace_state sa_trace_state;

/* What this thread records into; NULL when it does not, or is paused. Before its first event it has none. */
extern SA_EACH_THREADS struct sa_trace *sa_own_trace;
#define sa_my_trace SA_THIS_THREADS(sa_own_trace)

/* Makes it for a thread that is to have one; false: it is to have none, or is paused. */
bool sa_trace_thread_begins(void);

static inline bool
sa_traced(void)
{
  return SA_UNLIKELY(sa_my_trace != NULL)
         || (SA_UNLIKELY(sa_home_size == 0)
             && atomic_load_explicit(&sa_trace_state, memory_order_relaxed) != SA_TRACE_OFF
             && sa_trace_thread_begins());
}

/* The library works until `resume`, which is to be told what `pause` returned: where to record what was
 * done meanwhile; NULL: nowhere. They nest. */
struct sa_trace *sa_trace_pauses(void);
void             sa_trace_resumes(struct sa_trace *trace);

static inline struct sa_trace *
sa_trace_pause(void)
{
  return sa_traced() ? sa_trace_pauses() : NULL;
}

static inline void
sa_trace_resume(struct sa_trace *paused)
{
  if (SA_UNLIKELY(paused != NULL))
    sa_trace_resumes(paused);
}

void sa_trace_thread_exits(void);
void sa_trace_forked(void); /* in the child, paused */

/* What is behind the fast paths while a trace is recorded. */
void *sa_traced_malloc(size_t size);
void  sa_traced_free(void *block);
/* As the functions without `traced`, for a thread that is traced. */
void *sa_traced_malloc_slowly(size_t size);
void *sa_traced_calloc(size_t count, size_t size);
void *sa_traced_aligned_alloc(size_t alignment, size_t size);
void *sa_traced_realloc(void *block, size_t size);

/* What follows is called while this thread is paused, in order. */

/* Between what other threads may have done and what depends on it: see trace_file.h. */
void sa_trace_stamp(struct sa_trace *trace);
/* The next block is in the scope that the thread is in, or in another one; */
void *sa_trace_in_scope(struct sa_trace *trace, void *block, size_t size);
void  sa_trace_into(struct sa_trace *trace, const void *scope, const void *block, size_t size);
/* has become one that is in none. */
void sa_trace_kept(struct sa_trace *trace, const void *before, const void *now);
void sa_trace_create(struct sa_trace *trace, void *scope, const char *name);
void sa_trace_enter(struct sa_trace *trace, void *scope);
void sa_trace_leave(struct sa_trace *trace, void *scope);
void sa_trace_destroy(struct sa_trace *trace, void *scope);
/* A block of a scope will be freed; alone: no other thread has ever been in that scope. Not paused. */
void sa_trace_free_in_scope(struct sa_trace *trace, void *block, bool alone);
/* A call of an operation, to which the scopes belong that are created next; it ends. Not paused. */
void sa_trace_call(const char *interface, unsigned operation);
void sa_trace_call_ends(void);

#pragma GCC visibility pop

#endif
