/* Scopes of several processes in one section.
 * SPDX-License-Identifier: MIT */
#include "processes.h"

enum { ROOM = 4 * MIB, PROCESSES = 6 };

static sa_section *section;

static sa_scope *
scope_here(void)
{
  return sa_scope_create(&(sa_scope_options){.section = section});
}

static size_t
fill_up(sa_scope *scope)
{
  size_t count = 0;
  while (sa_scope_alloc(scope, 1000))
    count++;
  return count;
}

static int
set_up(void **state)
{
  (void)state;
  section = sa_section_create(name_of("processes"), ROOM, 0);
  return section ? 0 : -1;
}

static int
tear_down(void **state)
{
  (void)state;
  sa_section_close(section);
  return names_left() == 0 ? 0 : -1;
}

/* --- none has what another has ---------------------------------------------------------------- */

static void
fill_and_check(void *wrong)
{
  enum { BLOCKS = 100 };
  char *blocks[BLOCKS];
  for (unsigned round = 0; round < 50; round++) {
    sa_scope *scope = scope_here();
    for (unsigned i = 0; i < BLOCKS; i++) {
      size_t size = i % 20 == 0 ? 30000 : i * 40 + 1;
      blocks[i] = sa_scope_alloc(scope, size);
      if (blocks[i])
        fill(blocks[i], size, (unsigned)getpid() + i);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
      if (blocks[i]
          && !is_filled(blocks[i], i % 20 == 0 ? 30000 : i * 40 + 1, (unsigned)getpid() + i))
        ++*(_Atomic int *)wrong;
    sa_scope_destroy(scope);
  }
}

static void
processes_share_no_byte(void **state)
{
  (void)state;
  _Atomic int *wrong = shared_memory(sizeof *wrong);
  pid_t        children[PROCESSES];
  for (unsigned i = 0; i < PROCESSES; i++)
    children[i] = start(fill_and_check, (void *)wrong);
  for (unsigned i = 0; i < PROCESSES; i++)
    assert_int_equal(end_of(children[i]), 0);
  assert_int_equal(*wrong, 0);
  give_shared_memory((void *)wrong, sizeof *wrong);
}

/* --- what the dead and the sleeping have ------------------------------------------------------ */

static void
take_all(void *ready)
{
  sa_scope *scope = scope_here();
  fill_up(scope);
  *(_Atomic int *)ready = 1;
  pause();
}

static void
what_a_killed_process_had_comes_back(void **state)
{
  (void)state;
  _Atomic int *ready = shared_memory(sizeof *ready);
  sa_scope    *scope = scope_here();
  size_t       all = fill_up(scope);
  sa_scope_destroy(scope);
  pid_t child = start(take_all, (void *)ready);
  while (!*ready)
    ;
  scope = scope_here();
  assert_true(fill_up(scope) < all / 8); /* what this process kept idle */
  sa_scope_destroy(scope);
  kill_child(child);
  scope = scope_here();
  assert_int_equal(fill_up(scope), all);
  sa_scope_destroy(scope);
  give_shared_memory((void *)ready, sizeof *ready);
}

static void
allocate_for_ever(void *unused)
{
  (void)unused;
  for (;;) {
    sa_scope *scope = scope_here();
    for (unsigned i = 0; i < 200; i++)
      sa_free(sa_scope_alloc(scope, i * 100));
    sa_scope_destroy(scope);
  }
}

static void
a_process_killed_or_stopped_anywhere_blocks_nobody(void **state)
{
  (void)state;
  for (unsigned round = 0; round < 200; round++) {
    pid_t child = start(allocate_for_ever, NULL);
    usleep(round * 37 % 3000);
    kill(child, round % 2 ? SIGKILL : SIGSTOP);
    sa_scope *scope = scope_here();
    assert_non_null(scope);
    assert_non_null(sa_scope_alloc(scope, 1000));
    assert_non_null(sa_scope_alloc(scope, 100 * KIB));
    sa_scope_destroy(scope);
    kill(child, SIGKILL);
    end_of(child);
  }
  sa_scope *scope = scope_here();
  assert_non_null(sa_scope_alloc(scope, ROOM - SA_SECTION_OWN)); /* all of it is there again */
  sa_scope_destroy(scope);
}

/* --- a child of a fork ------------------------------------------------------------------------ */

struct inheritance {
  sa_scope *scope;
  char     *block;
};

static void
use_inherited(void *argument)
{
  struct inheritance *own = argument;
  if (own->block[0] != 'p' || scope_here() || errno != EBUSY)
    _exit(1);
  own->block[0] = 'c';
  char *more = sa_scope_alloc(own->scope, 1000);
  if (!more)
    _exit(2);
  memset(more, 'c', 1000);
  sa_free(own->block);
  sa_scope_destroy(own->scope);
  sa_scope *scope = scope_here();
  char     *block = scope ? sa_scope_alloc(scope, 1000) : NULL;
  if (!block)
    _exit(3);
  memset(block, 'n', 1000);
}

static void
a_child_has_a_copy_of_its_parents_scopes(void **state)
{
  (void)state;
  struct inheritance own = {.scope = scope_here()};
  own.block = sa_scope_alloc(own.scope, 1000);
  memset(own.block, 'p', 1000);
  for (unsigned i = 0; i < 10; i++)
    assert_int_equal(end_of(start(use_inherited, &own)), 0);
  char *next = sa_scope_alloc(own.scope, 1000);
  assert_int_equal(own.block[0], 'p');
  assert_int_equal(own.block[999], 'p');
  assert_int_equal(next[0], 0);
  sa_scope_destroy(own.scope);
}

/* --- a tree that another process reads -------------------------------------------------------- */

struct tree {
  SA_OFFSET(struct tree) left;
  SA_OFFSET(struct tree) right;
  unsigned value;
};

static struct tree *
grow(sa_scope *scope, sa_span span, unsigned depth)
{
  if (depth == 0)
    return NULL;
  struct tree *tree = sa_scope_alloc(scope, sizeof *tree);
  tree->value = depth;
  SA_POINT(span, tree->left, grow(scope, span, depth - 1));
  SA_POINT(span, tree->right, grow(scope, span, depth - 1));
  return tree;
}

static unsigned
sum(sa_span span, const struct tree *tree)
{
  return !tree ? 0
               : tree->value + sum(span, SA_FOLLOW(span, tree->left))
                   + sum(span, SA_FOLLOW(span, tree->right));
}

struct told {
  uint64_t root;
  unsigned sum;
};

static void
read_tree(void *argument)
{
  struct told *told = argument;
  sa_section  *opened = sa_section_open(name_of_parent("processes"), SA_SECTION_READ_ONLY);
  sa_span      span = {sa_section_map(opened, NULL, 0, ROOM, SA_VIEW_READ), 0, ROOM};
  told->sum = sum(span, sa_section_range(opened, told->root, sizeof(struct tree)));
}

static void
another_process_reads_a_tree_in_place(void **state)
{
  (void)state;
  struct told *told = shared_memory(sizeof *told);
  sa_scope    *scope = scope_here();
  sa_span      span = sa_span_of_block(section, sa_scope_alloc(scope, 1));
  struct tree *tree = grow(scope, span, 12);
  told->root = sa_section_offset(section, tree);
  assert_int_equal(end_of(start(read_tree, told)), 0);
  assert_int_equal(told->sum, sum(span, tree));
  assert_int_equal(told->sum, 8178);
  sa_scope_destroy(scope);
  give_shared_memory(told, sizeof *told);
}

#define IN_SECTION(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
  const struct CMUnitTest tests[] = {
    IN_SECTION(processes_share_no_byte),
    IN_SECTION(what_a_killed_process_had_comes_back),
    IN_SECTION(a_process_killed_or_stopped_anywhere_blocks_nobody),
    IN_SECTION(a_child_has_a_copy_of_its_parents_scopes),
    IN_SECTION(another_process_reads_a_tree_in_place),
    cmocka_unit_test(nothing_is_left_open_or_mapped),
  };
  return cmocka_run_group_tests(tests, count_before, NULL);
}
