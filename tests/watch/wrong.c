/*
 * What memcheck and AddressSanitizer are to find. The argument names it; what the tools then say has the
 * names of the functions here.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include <stuballoc.h>
#include <stuballoc/midl.h>

/* A line of its own in each stack */
#define STEP static __attribute__((noinline))

enum { SMALL = 100, LARGE = 100000 };

/* So that what happens to a pointer is not known to the compiler */
static void *volatile place;
static volatile char contents;

STEP void
keep(void *block)
{
  memset(block, 1, SMALL);
  place = block;
}

STEP void
lose(void)
{
  place = NULL;
}

STEP void
allocate(size_t size)
{
  keep(sa_malloc(size));
}

STEP void
allocate_in(sa_scope *scope, size_t size)
{
  keep(sa_scope_alloc(scope, size));
}

STEP void
allocate_as_stub(size_t size)
{
  keep(midl_user_allocate(size));
}

STEP void
release(void)
{
  sa_free(place);
  contents = 0;
}

STEP void *
move_out(void)
{
  void *kept = sa_scope_keep(place);
  contents = 0;
  return kept;
}

STEP void
end(sa_scope *scope)
{
  sa_scope_destroy(scope);
  contents = 0;
}

STEP void
look(size_t at)
{
  contents = ((const char *)place)[at];
}

/* --- what is right ---------------------------------------------------------------------------- */

static void
nothing(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  for (int i = 0; i < 100; i++) {
    allocate_in(scope, SMALL);
    look(SMALL - 1);
    if (i % 2 == 0)
      release();
  }
  allocate_in(scope, LARGE);
  look(LARGE / 2);
  allocate(SMALL);
  look(0);
  release();
  allocate_in(scope, SMALL);
  place = sa_scope_keep(place);
  end(scope);
  look(SMALL - 1);
  release();
}

/* --- what is wrong with scopes ---------------------------------------------------------------- */

static void
leak_in_scope(void)
{
  static sa_scope *scope; /* lives on */
  scope = sa_scope_create(NULL);
  allocate_in(scope, SMALL);
  lose();
}

static void
leak_in_call(void)
{
  static sa_scope *scope;
  scope = sa_scope_create(NULL);
  sa_scope_enter(scope);
  allocate_as_stub(SMALL);
  lose();
}

static void
read_after_end_of(size_t size)
{
  sa_scope *scope = sa_scope_create(NULL);
  allocate_in(scope, size);
  look(8);
  end(scope);
  look(8);
}

static void
read_after_end(void)
{
  read_after_end_of(SMALL);
}

static void
read_large_after_end(void)
{
  read_after_end_of(LARGE);
}

static void
read_after_free_in_scope(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  allocate_in(scope, SMALL);
  release();
  look(8);
  end(scope);
}

static void
read_at_old_address(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  allocate_in(scope, SMALL);
  void *kept = move_out();
  look(8);
  end(scope);
  sa_free(kept);
}

/* --- and with the engine ---------------------------------------------------------------------- */

static void
leak(void)
{
  allocate(SMALL);
  lose();
}

static void
read_after_free(void)
{
  allocate(SMALL);
  release();
  look(8);
}

static void
read_large_after_free(void)
{
  allocate(LARGE);
  release();
  look(8);
}

static void
read_behind(void)
{
  allocate(SMALL);
  look(SMALL);
}

static void
free_twice(void)
{
  allocate(SMALL);
  release();
  release();
}

static const struct {
  const char *name;
  void (*does)(void);
} all[] = {
  {"nothing", nothing},
  {"leak-in-scope", leak_in_scope},
  {"leak-in-call", leak_in_call},
  {"read-after-end", read_after_end},
  {"read-large-after-end", read_large_after_end},
  {"read-after-free-in-scope", read_after_free_in_scope},
  {"read-at-old-address", read_at_old_address},
  {"leak", leak},
  {"read-after-free", read_after_free},
  {"read-large-after-free", read_large_after_free},
  {"read-behind", read_behind},
  {"free-twice", free_twice},
};

int
main(int argc, char **argv)
{
  for (size_t i = 0; argc == 2 && i < sizeof all / sizeof *all; i++)
    if (strcmp(argv[1], all[i].name) == 0) {
      all[i].does();
      return 0;
    }
  fputs("usage: wrong WHAT\n", stderr);
  return 2;
}
