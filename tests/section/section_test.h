/*
 * What the tests of sections share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SECTION_TEST_H
#define SECTION_TEST_H

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stuballoc/section.h>

enum { SIZE = 256 * KIB };

#define assert_fails(call, error)                                                                  \
  do {                                                                                             \
    errno = 0;                                                                                     \
    assert_true(call);                                                                             \
    assert_int_equal(errno, error);                                                                \
  } while (0)

/* A name that no other test and no other run of this one has. */
static inline const char *
name_of(const char *what)
{
  static char name[128];
  snprintf(name, sizeof name, "test-%d-%s", (int)getpid(), what);
  return name;
}

static inline sa_section *
create(const char *name)
{
  sa_section *section = sa_section_create(name, SIZE, 0);
  assert_non_null(section);
  return section;
}

static inline char *
view_of(sa_section *section, unsigned access)
{
  char *view = sa_section_map(section, NULL, 0, sa_section_size(section), access);
  assert_non_null(view);
  return view;
}

#endif
