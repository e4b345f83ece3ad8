/* Scopes that several threads use, and threads that end inside. SPDX-License-Identifier: MIT */
#include "actor.h"

#include <stdatomic.h>

static void
destroy(struct actor *actor)
{
  sa_scope_destroy(actor->scope);
}

static void
check_and_free(struct actor *actor)
{
  if (!is_filled(actor->block, 3000, 9))
    abort();
  sa_free(actor->block);
}

static void
nothing(struct actor *actor)
{
  (void)actor;
}

/* --- sharing ---------------------------------------------------------------------------------- */

enum { THREADS = 4, BLOCKS = 3000 };

struct share {
  sa_scope *scope;
  unsigned  number;
  void     *blocks[BLOCKS];
};

static size_t
size_of(unsigned i)
{
  return i % 700 == 699 ? 70000 : i % 50 == 49 ? 5000 : i % 600 + 1;
}

static void *
allocate_many(void *argument)
{
  struct share *share = argument;
  if (sa_scope_enter(share->scope) != 0)
    return share;
  for (unsigned i = 0; i < BLOCKS; i++) {
    share->blocks[i] = sa_scope_alloc(share->scope, size_of(i));
    if (!share->blocks[i])
      return share;
    fill(share->blocks[i], size_of(i), i + share->number);
  }
  sa_scope_leave(share->scope);
  return NULL;
}

static void *
check_and_free_many(void *argument)
{
  struct share *share = argument;
  void         *changed = NULL;
  for (unsigned i = 0; i < BLOCKS; i++) {
    if (!is_filled(share->blocks[i], size_of(i), i + share->number))
      changed = share;
    sa_free(share->blocks[i]);
  }
  return changed;
}

static void *
check_and_free_many_inside(void *argument)
{
  struct share *share = argument;
  if (sa_scope_enter(share->scope) != 0)
    return share;
  void *changed = check_and_free_many(share);
  sa_scope_leave(share->scope);
  return changed;
}

static struct share shares[THREADS];

static void
all_at_once(sa_scope *scope, void *(*body)(void *), unsigned shift)
{
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    shares[i].scope = scope;
    shares[i].number = i;
  }
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, body, &shares[(i + shift) % THREADS]), 0);
  for (unsigned i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
}

static void
any_number_of_threads_may_allocate_in_one_scope(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  all_at_once(scope, allocate_many, 0);
  assert_int_equal(stats_of(scope).blocks, THREADS * BLOCKS);
  all_at_once(scope, check_and_free_many, 0);
  assert_int_equal(stats_of(scope).blocks, 0);
  sa_scope_destroy(scope);
}

static void
a_thread_inside_may_free_what_another_allocated(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  for (unsigned round = 0; round < 5; round++) {
    all_at_once(scope, allocate_many, 0);
    all_at_once(scope, check_and_free_many_inside, 1);
  }
  assert_int_equal(stats_of(scope).blocks, 0);
  sa_scope_destroy(scope);
}

static void
what_threads_outside_free_is_used_again(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  shares[0].scope = scope;
  allocate_many(&shares[0]);
  size_t once = stats_of(scope).held;
  for (unsigned round = 0; round < 50; round++) {
    assert_null(run_in_thread(check_and_free_many, &shares[0]));
    allocate_many(&shares[0]);
  }
  assert_true(stats_of(scope).held <= 2 * once);
  sa_scope_destroy(scope);
}

/* A ring by which one thread hands blocks to another; NULL: an empty place. */
enum { PLACES = 1000, HANDED = 1000000 / SLOWER, HANDED_SIZE = 256 };

struct ring {
  sa_scope       *scope;
  _Atomic(char *) places[PLACES];
};

static void *
free_handed(void *argument)
{
  struct ring *ring = argument;
  void        *changed = NULL;
  if (sa_scope_enter(ring->scope) != 0)
    return ring;
  for (unsigned i = 0; i < HANDED; i++) {
    char *block;
    while (!(block = atomic_exchange(&ring->places[i % PLACES], NULL)))
      sched_yield();
    if (*block != (char)i)
      changed = ring;
    sa_free(block);
  }
  sa_scope_leave(ring->scope);
  return changed;
}

static void
hand_over(struct ring *ring)
{
  for (unsigned i = 0; i < HANDED; i++) {
    char *block = sa_scope_alloc(ring->scope, HANDED_SIZE);
    assert_non_null(block);
    *block = (char)i;
    while (atomic_load(&ring->places[i % PLACES]))
      sched_yield();
    atomic_store(&ring->places[i % PLACES], block);
  }
}

static void
what_another_thread_inside_frees_is_used_again(void **state)
{
  (void)state;
  static struct ring ring;
  pthread_t          thread;
  void              *failed;
  ring.scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(ring.scope), 0);
  assert_int_equal(pthread_create(&thread, NULL, free_handed, &ring), 0);
  hand_over(&ring);
  pthread_join(thread, &failed);
  assert_null(failed);
  assert_true(stats_of(ring.scope).peak <= (size_t)2 * PLACES * HANDED_SIZE);
  sa_scope_destroy(ring.scope);
}

enum { TAKEN = 1000, TAKEN_SIZE = 1000 };

static void *
take_and_free(void *scope)
{
  static void *blocks[TAKEN];
  if (sa_scope_enter(scope) != 0)
    return scope;
  for (unsigned i = 0; i < TAKEN; i++)
    if (!(blocks[i] = sa_scope_alloc(scope, TAKEN_SIZE)))
      return scope;
  for (unsigned i = 0; i < TAKEN; i++)
    sa_free(blocks[i]);
  sa_scope_leave(scope);
  return NULL;
}

static void
what_a_thread_frees_and_leaves_is_used_before_a_budget_refuses(void **state)
{
  (void)state;
  const size_t size = TAKEN_SIZE * TAKEN;
  sa_scope    *scope = sa_scope_create(&(sa_scope_options){.budget = size + size / 4});
  assert_null(run_in_thread(take_and_free, scope));
  assert_null(take_and_free(scope));
  sa_scope_destroy(scope);
}

static void *
use_once(void *scope)
{
  if (sa_scope_enter(scope) != 0)
    return scope;
  void *block = sa_scope_alloc(scope, 1000);
  sa_scope_leave(scope);
  return block ? NULL : scope;
}

static void
threads_that_come_and_go_share_their_part(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  for (unsigned i = 0; i < 500; i++)
    assert_null(run_in_thread(use_once, scope));
  assert_true(stats_of(scope).chunks <= 1 + 500 * 1024 / 50000 + 1);
  sa_scope_destroy(scope);
}

static void
each_thread_has_a_stack_of_its_own(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {nothing, NULL};
  struct actor actor;
  sa_scope    *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  start(&actor, scope, steps);
  next(&actor);
  assert_ptr_equal(sa_scope_current(), scope);
  end(&actor);
  sa_scope_destroy(scope);
}

/* --- destroy while others are inside ---------------------------------------------------------- */

static void
what_the_others_have_stays_until_the_last_one_leaves(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {
    enter, allocate, allocate, check_and_free, allocate, check_and_free, leave, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  sa_scope    *scope = create_inside(around, NULL);
  start(&actor, scope, steps);
  next(&actor); /* enters */
  next(&actor);
  sa_scope_destroy(scope);
  for (unsigned i = 0; i < 4; i++)
    next(&actor); /* what it does meanwhile still works */
  assert_true(stats_of(around).held > 0);
  next(&actor); /* leaves */
  assert_int_equal(stats_of(around).held, 0);
  end(&actor);
  sa_scope_destroy(around);
}

/* Resizes a block of 3000 bytes so that it moves, grows large, and comes back. */
static void *
resize(void *block)
{
  static const size_t sizes[] = {9000, 100000, 5000000, 3000};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block = sa_realloc(block, sizes[i]);
    if (!block || !is_filled(block, 3000, 9))
      abort();
  }
  return block;
}

static void
a_thread_outside_may_resize_what_lasts_as_long_as_others_are_inside(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {enter, allocate, check_and_free, leave, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  sa_scope    *scope = create_inside(around, NULL);
  start(&actor, scope, steps);
  next(&actor);
  next(&actor);
  sa_scope_destroy(scope);
  actor.block = run_in_thread(resize, actor.block);
  actor.block = resize(actor.block); /* also the creator, which is not inside */
  assert_ptr_equal(sa_scope_current(), NULL);
  next(&actor);
  assert_true(stats_of(around).held > 0);
  next(&actor); /* leaves */
  assert_int_equal(stats_of(around).held, 0);
  end(&actor);
  sa_scope_destroy(around);
}

static void
the_creator_may_be_the_last_one_inside(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {destroy, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  sa_scope    *scope = create_inside(around, NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  start(&actor, scope, steps);
  next(&actor);
  void *block = sa_scope_alloc(scope, 3000);
  assert_non_null(block);
  sa_free(block);
  assert_int_equal(sa_scope_enter(scope), 0); /* it is inside already */
  sa_scope_leave(scope);
  assert_true(stats_of(around).held > 0);
  sa_scope_leave(scope);
  assert_int_equal(stats_of(around).held, 0);
  end(&actor);
  sa_scope_destroy(around);
}

static void
another_thread_than_the_creator_may_destroy(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {allocate, destroy, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  for (unsigned i = 0; i < 20; i++) {
    sa_scope *scope = create_inside(around, NULL);
    start(&actor, scope, steps);
    next(&actor);
    next(&actor);
    end(&actor);
    assert_int_equal(stats_of(around).held, 0);
  }
  sa_scope_destroy(around);
}

static sa_scope         *contested;
static pthread_barrier_t both;

static void *
destroy_contested(void *unused)
{
  for (unsigned i = 0; i < 20000; i++) {
    pthread_barrier_wait(&both);
    sa_scope_destroy(contested);
    pthread_barrier_wait(&both);
  }
  return unused;
}

static void
leave_and_destroy_at_the_same_time_free_it_once(void **state)
{
  (void)state;
  pthread_t thread;
  sa_scope *around = watcher();
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&thread, NULL, destroy_contested, NULL);
  for (unsigned i = 0; i < 20000; i++) {
    contested = create_inside(around, NULL);
    assert_int_equal(sa_scope_enter(contested), 0);
    assert_non_null(sa_scope_alloc(contested, 100));
    pthread_barrier_wait(&both);
    sa_scope_leave(contested);
    pthread_barrier_wait(&both);
    assert_int_equal(stats_of(around).held, 0);
  }
  pthread_join(thread, NULL);
  sa_scope_destroy(around);
}

/* --- threads that end inside ------------------------------------------------------------------ */

static void
a_thread_that_exits_inside_leaves(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {enter, allocate, enter, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  sa_scope    *scope = create_inside(around, NULL);
  start(&actor, scope, steps);
  for (unsigned i = 0; i < 3; i++)
    next(&actor);
  sa_scope_destroy(scope);
  end(&actor);
  assert_int_equal(stats_of(around).held, 0);
  sa_scope_destroy(around);
}

static void *
create_and_exit_inside(void *around)
{
  sa_scope *scope;
  if (sa_scope_enter(around) != 0)
    return NULL;
  scope = sa_scope_create(&(sa_scope_options){.flags = SA_SCOPE_UNWIND});
  if (!scope || sa_scope_enter(scope) != 0 || !sa_scope_alloc(scope, 100000))
    return NULL;
  return around;
}

static void
a_creator_that_exits_inside_destroys_a_scope_with_the_flag(void **state)
{
  (void)state;
  sa_scope *around = watcher();
  assert_ptr_equal(run_in_thread(create_and_exit_inside, around), around);
  assert_int_equal(stats_of(around).held, 0);
  sa_scope_destroy(around);
}

static void *
create_for_others(void *unused)
{
  (void)unused;
  sa_scope *scope = sa_scope_create(NULL);
  if (sa_scope_enter(scope) != 0)
    return NULL;
  return sa_scope_alloc(scope, 1000) ? scope : NULL;
}

static void
a_scope_outlives_its_creator(void **state)
{
  (void)state;
  sa_scope *scope = run_in_thread(create_for_others, NULL);
  assert_non_null(scope);
  assert_int_equal(sa_scope_enter(scope), 0);
  assert_non_null(sa_scope_alloc(scope, 1000));
  assert_int_equal(stats_of(scope).blocks, 2);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static pthread_key_t late_key; /* its destructor comes after ours */
static void         *late_failed;

static void
use_scopes_late(void *around)
{
  sa_scope *scope = sa_scope_create(NULL);
  if (!scope || sa_scope_enter(scope) != 0 || sa_scope_enter(around) != 0
      || !sa_scope_alloc(scope, 100)) {
    late_failed = around;
    return;
  }
  sa_scope_leave(scope); /* and what is above */
  sa_scope_destroy(scope);
  if (sa_scope_enter(around) != 0) /* and exits inside, once more */
    late_failed = around;
}

static void *
leave_it_to_the_destructor(void *around)
{
  pthread_setspecific(late_key, around);
  return use_once(around);
}

static void
destructors_of_an_exiting_thread_may_use_scopes(void **state)
{
  (void)state;
  sa_scope *around = watcher();
  pthread_key_create(&late_key, use_scopes_late);
  for (unsigned i = 0; i < 100; i++)
    assert_null(run_in_thread(leave_it_to_the_destructor, around));
  assert_null(late_failed);
  sa_scope *scope = create_inside(around, NULL);
  assert_non_null(sa_scope_alloc(scope, 100));
  sa_scope_destroy(scope);
  sa_scope_destroy(around);
}

static void *
destroy_then_use(void *argument)
{
  sa_scope **others = argument;
  sa_scope_destroy(others[0]);
  sa_scope *own = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(own), 0);
  assert_int_equal(sa_scope_enter(others[1]), 0);
  sa_scope_leave(others[1]);
  sa_scope_leave(own);
  void *block = sa_scope_alloc(own, 100);
  sa_scope_destroy(own);
  return block;
}

/* Before anything in this process has trimmed. */
static void
a_thread_may_begin_with_the_end_of_anothers_scope(void **state)
{
  (void)state;
  sa_scope *scopes[] = {sa_scope_create(NULL), sa_scope_create(NULL)};
  assert_non_null(run_in_thread(destroy_then_use, scopes));
  sa_scope_destroy(scopes[1]);
}

/* --- trim ------------------------------------------------------------------------------------- */

static void
warm(struct actor *actor)
{
  (void)actor;
  for (unsigned i = 0; i < 3; i++) {
    SA_SCOPED(NULL);
    SA_SCOPED(NULL);
    SA_SCOPED(NULL);
    if (!sa_scope_alloc(sa_scope_current(), 100))
      abort();
  }
}

static void
scopes_work_on_after_a_trim(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {warm, warm, NULL};
  struct actor actor;
  start(&actor, NULL, steps);
  next(&actor);
  warm(NULL);
  sa_trim();
  next(&actor);
  warm(NULL);
  end(&actor);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_thread_may_begin_with_the_end_of_anothers_scope),
    cmocka_unit_test(any_number_of_threads_may_allocate_in_one_scope),
    cmocka_unit_test(a_thread_inside_may_free_what_another_allocated),
    cmocka_unit_test(what_threads_outside_free_is_used_again),
    cmocka_unit_test(what_another_thread_inside_frees_is_used_again),
    cmocka_unit_test(what_a_thread_frees_and_leaves_is_used_before_a_budget_refuses),
    cmocka_unit_test(threads_that_come_and_go_share_their_part),
    cmocka_unit_test(each_thread_has_a_stack_of_its_own),
    cmocka_unit_test(what_the_others_have_stays_until_the_last_one_leaves),
    cmocka_unit_test(a_thread_outside_may_resize_what_lasts_as_long_as_others_are_inside),
    cmocka_unit_test(the_creator_may_be_the_last_one_inside),
    cmocka_unit_test(another_thread_than_the_creator_may_destroy),
    cmocka_unit_test(leave_and_destroy_at_the_same_time_free_it_once),
    cmocka_unit_test(a_thread_that_exits_inside_leaves),
    cmocka_unit_test(a_creator_that_exits_inside_destroys_a_scope_with_the_flag),
    cmocka_unit_test(a_scope_outlives_its_creator),
    cmocka_unit_test(destructors_of_an_exiting_thread_may_use_scopes),
    cmocka_unit_test(scopes_work_on_after_a_trim),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
