/*
 * Processes that create, open, map, write, flush, unmap and close sections, each of which is killed at
 * a random moment; and what must hold after each of these kills:
 *
 *   - the section that this process uses has its name and its contents still
 *   - all that a killed process has flushed to a file is in the file
 *   - no process has found two sections behind one name, or a new one that was not empty
 *   - when all of a round are killed, no name of theirs is left after the next open
 *
 * SPDX-License-Identifier: MIT
 */
#include "processes.h"

#include <fcntl.h>

enum { KILLS = 1200 / SLOWER, MOST = 8, RECORD = 64, RECORDS = SIZE / RECORD / MOST };

/* Where children tell what they found. */
struct told {
  _Atomic unsigned wrong;
  _Atomic unsigned steps;
  /* Records of the file that each has flushed; of its place, whoever is there. */
  _Atomic unsigned flushed[MOST];
};

static struct told *told;
static unsigned     place; /* of this child among those of the round */
static unsigned     random_state;
static char         path[64];
static pid_t        parent;

static unsigned
random_below(unsigned limit)
{
  random_state = random_state * 1103515245 + 12345;
  return (random_state >> 16) % limit;
}

static const char *
shared_name(unsigned number)
{
  static char name[64];
  snprintf(name, sizeof name, "test-%d-%u", (int)parent, number);
  return name;
}

static void
check(bool holds)
{
  if (!holds)
    told->wrong++;
}

/* --- what the children do --------------------------------------------------------------------- */

/* Of two handles of one name, while both are there. */
static void
are_one_section(sa_section *one, sa_section *other)
{
  _Atomic unsigned *written = sa_section_map(one, NULL, 0, SIZE, SA_VIEW_WRITE);
  _Atomic unsigned *read = sa_section_map(other, NULL, 0, SIZE, SA_VIEW_READ);
  unsigned          value = 1 + random_below(30000);
  check(written && read);
  if (written && read) {
    written[place] = value;
    check(read[place] == value);
    written[place] = 0;
  }
  if (written)
    check(sa_view_unmap((void *)written) == 0);
  sa_section_close(other);
  if (read)
    check(sa_view_unmap((void *)read) == 0);
}

static void
use_a_name(void)
{
  unsigned    number = random_below(3);
  sa_section *section = sa_section_create(shared_name(number), SIZE, 0);
  check(section != NULL);
  if (!section)
    return;
  bool              is_new = errno == 0;
  _Atomic unsigned *view = sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE);
  check(view && (!is_new || view[place] == 0));
  sa_section *again = random_below(2) ? sa_section_open(shared_name(number), 0)
                                      : sa_section_create(shared_name(number), SIZE, 0);
  check(again != NULL); /* it cannot be gone */
  if (view)
    view[place] = 0; /* what a killed one left */
  if (again)
    are_one_section(section, again);
  sa_section_close(section);
  if (view)
    sa_view_unmap((void *)view);
}

static void
write_to_file(void)
{
  sa_section *section = sa_section_create_file(path, SIZE, 0);
  char       *view = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  char       *copy = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_COPY) : NULL;
  unsigned    next = told->flushed[place];
  check(view && copy);
  sa_section_close(section);
  for (unsigned i = 0; view && copy && i < 8 && next < RECORDS; i++, next++) {
    size_t at = (place * RECORDS + next) * RECORD;
    memset(copy + at, 0xff, RECORD);
    memset(view + at, 1 + (int)next % 100, RECORD);
    check(sa_view_flush(view + at, RECORD) == 0);
    told->flushed[place] = next + 1;
  }
  if (view)
    sa_view_unmap(view);
  if (copy)
    sa_view_unmap(copy);
}

static void
work(void *unused)
{
  (void)unused;
  for (;;) {
    if (random_below(4) == 0)
      write_to_file();
    else
      use_a_name();
    told->steps++;
  }
}

/* --- what must hold --------------------------------------------------------------------------- */

static char *own_view;

static bool
own_section_is_there(void)
{
  sa_section *again = sa_section_open(shared_name(99), SA_SECTION_READ_ONLY);
  char       *view = again ? sa_section_map(again, NULL, 0, SIZE, SA_VIEW_READ) : NULL;
  bool        is = view && is_filled(view, SIZE, 99) && is_filled(own_view, SIZE, 99);
  if (view)
    sa_view_unmap(view);
  sa_section_close(again);
  return is;
}

static bool
is_record(const char *record, unsigned number)
{
  for (unsigned i = 0; i < RECORD; i++)
    if (record[i] != (char)(1 + number % 100))
      return false;
  return true;
}

static bool
flushed_records_are_in_the_file(int file)
{
  static char bytes[SIZE];
  unsigned    flushed[MOST]; /* before the file is read, since those who live go on */
  for (unsigned i = 0; i < MOST; i++)
    flushed[i] = told->flushed[i];
  if (pread(file, bytes, SIZE, 0) != SIZE)
    return false;
  for (unsigned i = 0; i < MOST; i++)
    for (unsigned number = 0; number < flushed[i]; number++)
      if (!is_record(bytes + (i * RECORDS + number) * RECORD, number))
        return false;
  return true;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static unsigned kills, own_lost, file_lost, names_stayed;

static void
kill_all(pid_t *children, unsigned count, int file)
{
  while (count > 0) {
    unsigned which = random_below(count);
    usleep(random_below(2000));
    kill_child(children[which]);
    children[which] = children[--count];
    kills++;
    own_lost += !own_section_is_there();
    file_lost += !flushed_records_are_in_the_file(file);
  }
}

static void
one_round(int file)
{
  pid_t    children[MOST];
  unsigned count = 2 + random_below(MOST - 1);
  for (unsigned i = 0; i < MOST; i++)
    told->flushed[i] = 0;
  for (place = 0; place < count; place++) {
    random_below(1);
    random_state += place * 7919;
    children[place] = start(work, NULL);
  }
  kill_all(children, count, file);
  sa_section_close(sa_section_open(shared_name(98), 0));
  names_stayed += !names_become(1);
}

static void
say(bool holds, unsigned number, const char *what)
{
  printf("%s %u - %s\n", holds ? "ok" : "not ok", number, what);
}

int
main(void)
{
  parent = getpid();
  random_state = (unsigned)parent;
  printf("# seed %u\n", random_state);
  told = shared_memory(sizeof *told);
  snprintf(path, sizeof path, "test-%d.bin", (int)parent);
  unsigned    before = descriptors_and_mappings();
  sa_section *own = sa_section_create(shared_name(99), SIZE, 0);
  own_view = own ? sa_section_map(own, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!own_view || file < 0 || ftruncate(file, SIZE) != 0)
    return 1;
  fill(own_view, SIZE, 99);
  while (kills < KILLS)
    one_round(file);
  close(file);
  unlink(path);
  sa_view_unmap(own_view);
  sa_section_close(own);
  printf("1..6\n# %u kills, %u steps\n", kills, told->steps);
  say(own_lost == 0, 1, "no kill takes a name or a byte from a process that uses it");
  say(file_lost == 0, 2, "what a killed process has flushed is in the file");
  say(told->wrong == 0, 3, "a name is one section, and new when it is said to be");
  say(names_stayed == 0, 4, "no name stays behind those who were killed");
  bool all_gone = names_become(0);
  say(all_gone, 5, "none stays in the end");
  say(descriptors_and_mappings() == before, 6, "no descriptor and no mapping is left");
  return own_lost + file_lost + told->wrong + names_stayed + !all_gone > 0;
}
