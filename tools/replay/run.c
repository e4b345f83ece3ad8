/* Does what a plan says. */
#include "replay.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <stuballoc.h>

struct scope {
  _Atomic(sa_scope *) handle;
  _Atomic uint32_t    turn; /* whose step is next */
};

static struct {
  const struct plan      *plan;
  const struct allocator *allocator;
  _Atomic(void *)        *places;
  struct scope           *scopes;
  uint32_t                lead;
  void (*sample)(uint32_t epoch);
  /* Guarded by the lock. */
  pthread_mutex_t   lock;
  pthread_cond_t    changed;
  uint32_t          done; /* epochs */
  _Atomic uint32_t *left; /* of each; the lock is for the one who makes it 0 */
  size_t            started, running;
  uint32_t         *by_epoch; /* the threads, in the order of their first epochs */
} now;

/* --- waiting ---------------------------------------------------------------------------------- */

static void
be_patient(unsigned *times)
{
  if (++*times > 100)
    sched_yield();
}

static void *
wait_for(_Atomic(void *) *place)
{
  unsigned times = 0;
  void    *block;
  while (!(block = atomic_load_explicit(place, memory_order_acquire)))
    be_patient(&times);
  return block;
}

static sa_scope *
wait_for_turn(const struct step *step)
{
  struct scope *scope = &now.scopes[step->scope];
  unsigned      times = 0;
  if (step->turn != NOTHING)
    while (atomic_load_explicit(&scope->turn, memory_order_acquire) != step->turn)
      be_patient(&times);
  return atomic_load_explicit(&scope->handle, memory_order_relaxed);
}

static void
end_turn(const struct step *step)
{
  if (step->turn != NOTHING)
    atomic_store_explicit(&now.scopes[step->scope].turn, step->turn + 1, memory_order_release);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* As a program uses what it has. */
static void
touch(volatile char *block, size_t size)
{
  enum { PAGE = 4096 };
  for (size_t at = 0; at < size; at += PAGE)
    block[at] = 1;
  if (size > 0)
    block[size - 1] = 1;
}

static void
put(const struct step *step, void *block)
{
  if (!block)
    die("%s has no memory for a block of %zu bytes", now.allocator->name, (size_t)step->size);
  touch(block, step->size);
  atomic_store_explicit(&now.places[step->place], block,
                        step->shared ? memory_order_release : memory_order_relaxed);
}

/* The block of a step, whose place is empty then. */
static void *
take(const struct step *step)
{
  _Atomic(void *) *place = &now.places[step->place];
  void *block = step->shared ? wait_for(place) : atomic_load_explicit(place, memory_order_relaxed);
  atomic_store_explicit(place, NULL, memory_order_relaxed);
  return block;
}

static void
do_free(const struct step *step)
{
  if (step->scope == NOTHING) {
    now.allocator->free(take(step));
    return;
  }
  wait_for_turn(step);
  sa_free(take(step));
  end_turn(step);
}

static void
do_realloc(const struct step *step)
{
  size_t size = step->size ? step->size : 1; /* else it may be freed */
  if (step->scope != NOTHING)
    wait_for_turn(step);
  put(step, now.allocator->realloc(take(step), size));
  if (step->scope != NOTHING)
    end_turn(step);
}

static void
do_to_scope(const struct step *step)
{
  sa_scope *scope = wait_for_turn(step);
  if (step->code == STEP_CREATE) {
    scope = sa_scope_create(NULL);
    if (!scope)
      die("no memory for a scope");
    atomic_store_explicit(&now.scopes[step->scope].handle, scope, memory_order_relaxed);
  } else if (step->code == STEP_ENTER) {
    if (sa_scope_enter(scope) != 0)
      die("no memory to enter a scope");
  } else if (step->code == STEP_LEAVE) {
    sa_scope_leave(scope);
  } else if (step->code == STEP_INTO) {
    put(step, sa_scope_alloc(scope, step->size));
  } else if (step->code == STEP_KEEP) {
    put(step, sa_scope_keep(take(step)));
  } else {
    sa_scope_destroy(scope);
  }
  end_turn(step);
}

static void
do_step(const struct step *step)
{
  const struct allocator *allocator = now.allocator;
  switch (step->code) {
  case STEP_MALLOC:
    put(step, allocator->malloc(step->size));
    break;
  case STEP_ALLOC:
    put(step, sa_scope_alloc(sa_scope_current(), step->size));
    break;
  case STEP_FREE:
    do_free(step);
    break;
  case STEP_CALLOC:
    put(step, allocator->calloc(1, step->size));
    break;
  case STEP_ALIGNED:
    put(step, allocator->aligned((size_t)1 << step->alignment, step->size));
    break;
  case STEP_REALLOC:
    do_realloc(step);
    break;
  default:
    do_to_scope(step);
  }
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *run_list(void *argument);

/* With the lock: those whose first epoch may begin. */
static void
start_threads(void)
{
  pthread_attr_t attributes;
  pthread_t      thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, (size_t)256 << 10);
  for (; now.started < now.plan->threads; now.started++) {
    struct list *list = &now.plan->lists[now.by_epoch[now.started]];
    if (list->count > 0 && list->first_epoch >= now.done + now.lead)
      break;
    if (list->count == 0)
      continue;
    now.running++;
    int failed = pthread_create(&thread, &attributes, run_list, list);
    if (failed)
      die("no thread more than %zu: %s", now.running - 1, strerror(failed));
  }
  pthread_attr_destroy(&attributes);
}

/* This thread has done its part of an epoch. */
static void
end_epoch(uint32_t epoch)
{
  if (atomic_fetch_sub_explicit(&now.left[epoch], 1, memory_order_acq_rel) != 1)
    return;
  pthread_mutex_lock(&now.lock);
  while (now.done < now.plan->epochs
         && atomic_load_explicit(&now.left[now.done], memory_order_acquire) == 0) {
    if (now.sample)
      now.sample(now.done);
    now.done++;
    start_threads();
  }
  pthread_cond_broadcast(&now.changed);
  pthread_mutex_unlock(&now.lock);
}

static void
wait_for_epoch(uint32_t epoch)
{
  pthread_mutex_lock(&now.lock);
  while (epoch >= now.done + now.lead)
    pthread_cond_wait(&now.changed, &now.lock);
  pthread_mutex_unlock(&now.lock);
}

static void *
run_list(void *argument)
{
  const struct list *list = argument;
  uint32_t           epoch = list->first_epoch;
  for (size_t i = 0; i < list->count; i++) {
    const struct step *step = &list->steps[i];
    if (step->code != STEP_EPOCH) {
      do_step(step);
    } else if (step->place != epoch) {
      end_epoch(epoch);
      epoch = step->place;
      wait_for_epoch(epoch);
    }
  }
  end_epoch(epoch);
  pthread_mutex_lock(&now.lock);
  now.running--;
  pthread_cond_broadcast(&now.changed);
  pthread_mutex_unlock(&now.lock);
  return NULL;
}

static uint64_t
nanoseconds(void)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static uint64_t
run_threads(void)
{
  uint64_t began = nanoseconds();
  pthread_mutex_lock(&now.lock);
  start_threads();
  while (now.done < now.plan->epochs || now.running > 0)
    pthread_cond_wait(&now.changed, &now.lock);
  pthread_mutex_unlock(&now.lock);
  return nanoseconds() - began;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The threads in the order in which they begin. */
static void
sort_threads(const struct plan *plan)
{
  uint32_t *next = pages(plan->epochs * sizeof *next); /* place of each epoch's next one */
  for (size_t i = 0; i < plan->threads; i++)
    next[plan->lists[i].first_epoch]++;
  for (uint32_t epoch = 0, sum = 0; epoch < plan->epochs; epoch++) {
    uint32_t count = next[epoch];
    next[epoch] = sum;
    sum += count;
  }
  for (uint32_t i = 0; i < plan->threads; i++)
    now.by_epoch[next[plan->lists[i].first_epoch]++] = i;
  pages_free(next, plan->epochs * sizeof *next);
}

void
run_prepare(const struct plan *plan, const struct allocator *allocator)
{
  now.plan = plan;
  now.allocator = allocator;
  now.places = pages(plan->places * sizeof *now.places);
  now.scopes = pages(plan->scopes * sizeof *now.scopes);
  now.left = pages(plan->epochs * sizeof *now.left);
  now.by_epoch = pages(plan->threads * sizeof *now.by_epoch);
  sort_threads(plan);
  pthread_mutex_init(&now.lock, NULL);
  pthread_cond_init(&now.changed, NULL);
}

/* So that all of it is there, and as at the beginning. */
static void
start_anew(void)
{
  const struct plan *plan = now.plan;
  for (size_t i = 0; i < plan->places; i++)
    atomic_store_explicit(&now.places[i], NULL, memory_order_relaxed);
  for (size_t i = 0; i < plan->scopes; i++)
    atomic_store_explicit(&now.scopes[i].turn, 0, memory_order_relaxed);
  for (size_t i = 0; i < plan->epochs; i++)
    atomic_store_explicit(&now.left[i], plan->left[i], memory_order_relaxed);
  now.done = 0;
  now.started = now.running = 0;
}

static void
free_what_remains(void)
{
  const struct plan *plan = now.plan;
  for (size_t i = 0; i < plan->remain; i++)
    now.allocator->free(atomic_load_explicit(&now.places[plan->remains[i]], memory_order_relaxed));
  for (size_t i = 0; i < plan->opened; i++)
    sa_scope_destroy(atomic_load_explicit(&now.scopes[plan->open[i]].handle, memory_order_relaxed));
}

uint64_t
run(uint32_t lead, void (*sample)(uint32_t epoch))
{
  start_anew();
  now.lead = lead;
  now.sample = sample;
  uint64_t took = run_threads();
  free_what_remains();
  return took;
}
