/* Scopes in the child of a fork. SPDX-License-Identifier: MIT */
#include "actor.h"

#include <stdatomic.h>

/* And goes on with the new one. */
static void
create(struct actor *actor)
{
  enter(actor);
  sa_scope *scope = sa_scope_create(NULL);
  if (!scope || !sa_scope_alloc(scope, 100))
    abort();
  leave(actor);
  actor->scope = scope;
  enter(actor);
}

struct family {
  sa_scope *around; /* watches both */
  sa_scope *own;    /* the forking thread is inside, and another one */
  void     *block;
};

static void
in_child(void *argument)
{
  struct family *family = argument;
  if (sa_scope_current() != family->own || !is_filled(family->block, 100, 4))
    exit(1);
  sa_free(family->block);
  if (!sa_scope_alloc(family->own, 100) || !sa_scope_alloc(family->own, 100000))
    exit(2);
  sa_scope_leave(family->own);
  sa_scope_destroy(family->own);
  if (stats_of(family->around).held != 0) /* the other thread's entry is gone */
    exit(3);
  sa_scope *scope = sa_scope_create(NULL);
  if (!scope || sa_scope_enter(scope) != 0 || !sa_scope_alloc(scope, 100))
    exit(4);
  sa_scope_destroy(scope);
}

static void
in_a_forks_child_the_forking_thread_goes_on_and_others_entries_are_gone(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {enter, allocate, leave, NULL};
  struct actor  actor;
  struct family family = {.around = watcher()};
  family.own = create_inside(family.around, NULL);
  assert_int_equal(sa_scope_enter(family.own), 0);
  family.block = sa_scope_alloc(family.own, 100);
  fill(family.block, 100, 4);
  start(&actor, family.own, steps);
  next(&actor);
  next(&actor);
  struct child child = child_run(in_child, &family);
  assert_string_equal(child.said, "");
  assert_int_equal(child.status, 0);
  next(&actor); /* in the parent all is as it was */
  end(&actor);
  assert_true(is_filled(family.block, 100, 4));
  sa_scope_destroy(family.own);
  assert_int_equal(stats_of(family.around).held, 0);
  sa_scope_destroy(family.around);
}

static void
destroy_in_child(void *scope)
{
  sa_scope_destroy(scope);
}

static void
check_in_child(void *around)
{
  if (stats_of(around).held != 0)
    exit(1);
}

static void
what_was_destroyed_goes_in_a_forks_child_when_its_creator_was_inside(void **state)
{
  (void)state;
  static void (*const steps[])(struct actor *) = {create, leave, NULL};
  struct actor actor;
  sa_scope    *around = watcher();
  start(&actor, around, steps);
  next(&actor); /* creates one inside and stays there */
  sa_scope_destroy(actor.scope);
  assert_true(stats_of(around).held > 0);
  assert_int_equal(child_run(check_in_child, around).status, 0);
  next(&actor);
  assert_int_equal(stats_of(around).held, 0);
  end(&actor);
  sa_scope_destroy(around);
}

static void *
fork_while_the_creator_is_inside(void *argument)
{
  struct family *family = argument;
  struct child   child = child_run(destroy_in_child, family->own);
  return child.status == 0 ? NULL : argument;
}

static void
a_forks_child_may_destroy_a_scope_whose_creator_is_not_there(void **state)
{
  (void)state;
  struct family family = {.own = sa_scope_create(NULL)};
  assert_int_equal(sa_scope_enter(family.own), 0);
  assert_null(run_in_thread(fork_while_the_creator_is_inside, &family));
  sa_scope_leave(family.own);
  sa_scope_destroy(family.own);
}

static void *
destroy_elsewhere(void *scope)
{
  sa_scope_destroy(scope);
  return NULL;
}

static void
end_the_last_inside(void *inner)
{
  sa_scope *next = sa_scope_create(NULL);
  sa_scope_destroy(inner);
  if (!sa_scope_alloc(next, 100))
    exit(1);
}

static void
a_forks_child_does_not_end_once_more_what_only_a_scope_inside_keeps(void **state)
{
  (void)state;
  sa_scope *around = watcher();
  sa_scope *inner = create_inside(around, NULL);
  run_in_thread(destroy_elsewhere, around);
  struct child child = child_run(end_the_last_inside, inner);
  assert_string_equal(child.said, "");
  assert_int_equal(child.status, 0);
  sa_scope_destroy(inner);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sa_scope       *open_to_all; /* under the lock */
static atomic_bool     stop;

static sa_scope *
enter_open_scope(void)
{
  pthread_mutex_lock(&lock);
  if (!open_to_all)
    open_to_all = sa_scope_create(NULL);
  sa_scope *scope = open_to_all;
  if (sa_scope_enter(scope) != 0)
    abort();
  pthread_mutex_unlock(&lock);
  return scope;
}

static void
destroy_open_scope(void)
{
  pthread_mutex_lock(&lock);
  sa_scope *scope = open_to_all;
  open_to_all = NULL;
  pthread_mutex_unlock(&lock);
  sa_scope_destroy(scope);
}

/* Each is destroyed while others have large blocks of it in hand. */
static void *
share_without_rest(void *unused)
{
  for (unsigned i = 0; !stop; i++) {
    sa_scope *scope = enter_open_scope();
    for (unsigned j = 0; j < 10; j++) {
      void *block = sa_realloc(sa_scope_alloc(scope, 20000), 90000);
      if (!block)
        abort();
      sa_free(block);
    }
    if (i % 4 == 0)
      destroy_open_scope();
    if (sa_scope_current())
      sa_scope_leave(scope);
  }
  return unused;
}

static void
use_a_scope(void *unused)
{
  (void)unused;
  SA_SCOPED(NULL);
  if (!sa_scope_alloc(sa_scope_current(), 20000))
    exit(1);
}

static void
whatever_threads_do_to_scopes_a_fork_finds_its_child_well(void **state)
{
  (void)state;
  enum { THREADS = 4, FORKS = 200 / SLOWER };
  pthread_t threads[THREADS];
  stop = false;
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, share_without_rest, NULL), 0);
  for (unsigned i = 0; i < FORKS; i++) {
    struct child child = child_run(use_a_scope, NULL);
    assert_string_equal(child.said, "");
    assert_int_equal(child.status, 0);
  }
  stop = true;
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  destroy_open_scope();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(in_a_forks_child_the_forking_thread_goes_on_and_others_entries_are_gone),
    cmocka_unit_test(what_was_destroyed_goes_in_a_forks_child_when_its_creator_was_inside),
    cmocka_unit_test(a_forks_child_may_destroy_a_scope_whose_creator_is_not_there),
    cmocka_unit_test(a_forks_child_does_not_end_once_more_what_only_a_scope_inside_keeps),
    cmocka_unit_test(whatever_threads_do_to_scopes_a_fork_finds_its_child_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
