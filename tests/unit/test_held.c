/* What becomes of a large block that is freed in the hardened mode: each test runs the program anew in it. It
 * is linked statically, to look into the engine. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stuballoc/stats.h"
#include "units_in_use.h"

/* As doc/hardened.md has it. */
enum { MOST_BLOCKS = 64, MOST_UNITS = (1 << 30) / SA_UNIT };

static void
must(bool holds)
{
  if (!holds)
    _exit(1);
}

static void *
written(size_t size)
{
  char *block = sa_malloc(size);
  must(block);
  memset(block, 1, MIB < size ? MIB : size);
  return block;
}

static void
come_and_go(size_t size, unsigned times)
{
  while (times-- > 0)
    sa_free(written(size));
}

/* --- the runs --------------------------------------------------------------------------------- */

/* The system cannot read there either. */
static bool
is_closed(const void *at)
{
  return access(at, F_OK) != 0 && errno == EFAULT;
}

static void
closed(void)
{
  char *block = written(MIB);
  sa_free(block);
  come_and_go(MIB, MOST_BLOCKS - 1);
  written(64 * MIB);
  must(is_closed(block) && is_closed(block + MIB / 2));
}

static void
empty(void)
{
  unsigned char in_memory[MIB / 4096];
  char         *block = written(MIB);
  sa_free(block);
  must(mincore(block, MIB, in_memory) == 0);
  for (size_t i = 0; i < sizeof in_memory; i++)
    must(!(in_memory[i] & 1));
}

static void
many(void)
{
  come_and_go(100 * KIB, 10 * MOST_BLOCKS);
  must(units_in_use() == 2 * MOST_BLOCKS);
}

static void
much(void)
{
  come_and_go(100 * MIB, 40);
  must(units_in_use() > MOST_UNITS / 2 && units_in_use() <= MOST_UNITS);
}

static void
counted(void)
{
  sa_stats before = {.size = sizeof before}, after = {.size = sizeof after};
  must(sa_get_stats(&before) == 0);
  come_and_go(MIB, 10);
  must(sa_get_stats(&after) == 0 && after.live_blocks == 0);
  must(after.live + after.cached + after.overhead == after.mapped);
  must(after.mapped < before.mapped + MIB);
}

static void
trimmed(void)
{
  come_and_go(MIB, 10);
  come_and_go(100 * MIB, 1);
  sa_trim();
  must(units_in_use() == 0);
}

/* Where a region is of 32 MiB. */
static void
in_the_way(void)
{
  come_and_go(20 * MIB, 40);
  must(!sa_region_at(1));
}

static void
short_of_room(void)
{
  const rlim_t room = 256 * MIB;
  must(setrlimit(RLIMIT_AS, &(struct rlimit){room, room}) == 0);
  execl("/proc/self/exe", "test_held", "in the way", (char *)NULL);
}

/* What is known of a chunk takes a bit more than 1 MiB, and a dozen of these blocks are in one. */
static void
short_of_memory(void)
{
  limit_memory(3 * MIB + 600 * KIB);
  come_and_go(300 * KIB, MOST_BLOCKS);
}

static void
forked(void)
{
  char *block = written(MIB);
  sa_free(block);
  if (fork() == 0)
    sa_free(block);
  else
    wait(NULL);
}

static void *
work(void *unused)
{
  come_and_go(MIB, 200);
  return unused;
}

static void
threads(void)
{
  pthread_t others[4];
  for (unsigned i = 0; i < 4; i++)
    must(pthread_create(&others[i], NULL, work, NULL) == 0);
  for (unsigned i = 0; i < 20; i++)
    sa_trim();
  for (unsigned i = 0; i < 4; i++)
    must(pthread_join(others[i], NULL) == 0);
  must(units_in_use() <= MOST_BLOCKS * (MIB / SA_UNIT + 1));
  sa_trim();
  must(units_in_use() == 0);
}

static const struct {
  const char *name;
  void (*does)(void);
} runs[] = {
  {"closed", closed},
  {"empty", empty},
  {"many", many},
  {"much", much},
  {"counted", counted},
  {"trimmed", trimmed},
  {"short of room", short_of_room},
  {"in the way", in_the_way},
  {"short of memory", short_of_memory},
  {"forked", forked},
  {"threads", threads},
};

static void
run(const char *name)
{
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
    if (strcmp(runs[i].name, name) == 0)
      runs[i].does();
}

/* --- the tests -------------------------------------------------------------------------------- */

static void
holds(const char *name, const char *said)
{
#ifdef __SANITIZE_ADDRESS__
  (void)name, (void)said;
  skip(); /* the mode is off */
#endif
  struct child child = child_rerun(name, "hardened=on");
  assert_int_equal(child.status, 0);
  assert_true(*said ? strstr(child.said, said) != NULL : !*child.said);
}

static void
nobody_can_touch_it(void **state)
{
  (void)state;
  holds("closed", "");
}

static void
its_pages_go_back_to_the_system(void **state)
{
  (void)state;
  holds("empty", "");
}

static void
so_many_are_held_back(void **state)
{
  (void)state;
  holds("many", "");
}

static void
so_much_is_held_back(void **state)
{
  (void)state;
  holds("much", "");
}

static void
they_are_not_mapped_memory(void **state)
{
  (void)state;
  holds("counted", "");
}

static void
trim_gives_all_of_them_back(void **state)
{
  (void)state;
  holds("trimmed", "");
}

static void
they_give_way_before_more_address_space_is_asked_for(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS(); /* they need more room than that */
  holds("short of room", "");
}

static void
they_give_way_where_memory_is_short(void **state)
{
  (void)state;
  holds("short of memory", "");
}

static void
a_second_free_is_seen_in_the_child_of_a_fork(void **state)
{
  (void)state;
  holds("forked",
        "this block is free already: 1048576 bytes, allocated by thread 1, freed by thread 1\n");
}

static void
threads_that_free_at_once_lose_none(void **state)
{
  (void)state;
  holds("threads", "");
}

int
main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(nobody_can_touch_it),
    cmocka_unit_test(its_pages_go_back_to_the_system),
    cmocka_unit_test(so_many_are_held_back),
    cmocka_unit_test(so_much_is_held_back),
    cmocka_unit_test(they_are_not_mapped_memory),
    cmocka_unit_test(trim_gives_all_of_them_back),
    cmocka_unit_test(they_give_way_before_more_address_space_is_asked_for),
    cmocka_unit_test(they_give_way_where_memory_is_short),
    cmocka_unit_test(a_second_free_is_seen_in_the_child_of_a_fork),
    cmocka_unit_test(threads_that_free_at_once_lose_none),
  };
  if (argc == 1)
    return cmocka_run_group_tests(tests, NULL, NULL);
  run(argv[1]);
  return 0;
}
