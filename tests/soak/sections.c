/*
 * Sections: of a few names that all threads use at once, of none, of a file. A scope in one of them
 * has blocks, which are read by their offsets in other views of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "soak.h"
#include "stuballoc/section.h"

enum { LENGTH = 8 << 20, NAMES = 3, BLOCKS = 30 };

static char path[64];

void
sections_begin(void)
{
  snprintf(path, sizeof path, "test-%d.bin", (int)getpid());
}

void
sections_finish(void)
{
  unlink(path);
}

/* Two handles of one section. */
struct handles {
  sa_section *one, *other;
};

static struct handles
open_named(uint64_t *random)
{
  char name[64];
  snprintf(name, sizeof name, "test-%d-%u", (int)getpid(), below(random, NAMES));
  struct handles handles = {.one = sa_section_create(name, LENGTH, 0)};
  if (handles.one)
    handles.other =
      below(random, 2) ? sa_section_open(name, 0) : sa_section_create(name, LENGTH, 0);
  return handles;
}

static struct handles
open_some(uint64_t *random)
{
  struct handles handles;
  switch (below(random, 3)) {
  case 0:
    return open_named(random);
  case 1:
    handles.one = sa_section_create(NULL, LENGTH, 0);
    handles.other = sa_section_adopt(sa_section_descriptor(handles.one), 0);
    return handles;
  default:
    handles.one = sa_section_create_file(path, LENGTH, 0);
    handles.other = sa_section_create_file(path, LENGTH, SA_SECTION_READ_ONLY);
    return handles;
  }
}

static unsigned
fill_some(struct head **blocks, sa_scope *scope, uint64_t *random)
{
  unsigned count = 0;
  for (unsigned i = 0; i < BLOCKS; i++) {
    size_t size = sizeof(struct head) + below(random, below(random, 10) == 0 ? 200000 : 2000);
    blocks[count] = sa_scope_alloc(scope, size);
    if (!blocks[count])
      continue; /* others have what there is */
    fill(blocks[count], size, next_random(random));
    count++;
  }
  return count;
}

static void
read_by_offset(sa_section *section, struct head *const *blocks, unsigned count, sa_section *other,
               const char *view)
{
  for (unsigned i = 0; i < count; i++) {
    uint64_t offset = sa_section_offset(section, blocks[i]);
    if (offset > LENGTH - blocks[i]->size || memcmp(view + offset, blocks[i], blocks[i]->size) != 0)
      fail("a block is not at its offset");
    if (sa_section_offset(other, view + offset) != offset)
      fail("an offset is another in the second view");
  }
}

static void
use_scope(sa_section *section, sa_scope *scope, sa_section *other, const char *view,
          uint64_t *random)
{
  struct head *blocks[BLOCKS];
  unsigned     count = fill_some(blocks, scope, random);
  read_by_offset(section, blocks, count, other, view);
  for (unsigned i = 0; i < count; i++) {
    check(blocks[i], blocks[i]->size);
    if (i == 0) {
      struct head *kept = sa_scope_keep(blocks[i]);
      if (!kept)
        fail("no memory to keep a block of a section");
      exchange_leave(kept, random);
    } else if (below(random, 2)) {
      sa_free(blocks[i]);
    }
  }
}

void
sections_step(uint64_t *random)
{
  struct handles handles = open_some(random);
  if (!handles.one || !handles.other)
    fail("no section");
  char *view = sa_section_map(handles.other, NULL, 0, LENGTH, SA_VIEW_READ);
  if (!view)
    fail("no view");
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = handles.one});
  bool      is_early = below(random, 2); /* scopes and views last longer than handles */
  if (!scope && errno != ENOMEM && errno != EMFILE)
    fail("no scope in a section");
  if (scope)
    use_scope(handles.one, scope, handles.other, view, random);
  if (is_early) {
    sa_section_close(handles.one);
    sa_section_close(handles.other);
  }
  sa_scope_destroy(scope);
  if (sa_view_unmap(view) != 0)
    fail("a view does not end");
  if (!is_early) {
    sa_section_close(handles.one);
    sa_section_close(handles.other);
  }
}
