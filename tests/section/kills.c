/*
 * Processes that create, open, map, write, flush, unmap and close sections, each of which is killed at
 * a random moment; and what must hold after each of these kills:
 *
 *   - the section that this process uses has its name and its contents still
 *   - all that a killed process has flushed to a file is in the file, as it was in this round
 *   - nothing that was written to a copy of the file is in it
 *   - no process has found two sections behind one name, or a new one that was not empty; and of each
 *     section one process alone was told that it is new
 *   - when all of a round are killed, no name of theirs is left after the next open
 *
 * SPDX-License-Identifier: MIT
 */
#include "processes.h"

#include <fcntl.h>
#include <limits.h>

enum { KILLS = 1200 / SLOWER, MOST = 8, RECORDS = 512, NUMBERS = SIZE / MOST / RECORDS / 4 };
enum { NEWS = MOST }; /* the number behind those of the places, in a section with a name */

/* Of the file, where each place has as many. */
struct record {
  unsigned numbers[NUMBERS];
};
#define COPIED UINT_MAX /* as one in a copy */

/* Where children tell what they found. */
struct told {
  _Atomic unsigned wrong;
  _Atomic unsigned steps;
  /* Records of the file that each has flushed; of its place, whoever is there. */
  _Atomic unsigned flushed[MOST];
};

static struct told *told;
static unsigned     place; /* of this child among those of the round */
static unsigned     round_number;
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
  check(view && (!is_new || (view[place] == 0 && atomic_fetch_add(&view[NEWS], 1) == 0)));
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

/* One that no round before has written to its place. */
static struct record
record_of(unsigned number)
{
  struct record record;
  for (unsigned i = 0; i < NUMBERS; i++)
    record.numbers[i] = round_number * RECORDS + number + 1;
  return record;
}

static void
write_to_file(void)
{
  sa_section    *section = sa_section_create_file(path, SIZE, 0);
  struct record *view = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  struct record *copy = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_COPY) : NULL;
  unsigned       next = told->flushed[place];
  check(view && copy);
  sa_section_close(section);
  for (unsigned i = 0; view && copy && i < 8 && next < RECORDS; i++, next++) {
    size_t at = place * RECORDS + next;
    view[at] = record_of(next);
    check(sa_view_flush(&view[at], sizeof *view) == 0);
    told->flushed[place] = next + 1;
    memset(&copy[at], 0xff, sizeof *copy);
    check(sa_view_flush(&copy[at], sizeof *copy) == 0);
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

static unsigned kills, own_lost, file_lost, copies_leaked, names_stayed;
static char    *own_view;

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
are_flushed(const struct record *records, unsigned count)
{
  for (unsigned number = 0; number < count; number++) {
    struct record record = record_of(number);
    if (memcmp(&records[number], &record, sizeof record) != 0)
      return false;
  }
  return true;
}

static bool
has_copied(const struct record *record)
{
  for (unsigned i = 0; i < NUMBERS; i++)
    if (record->numbers[i] == COPIED)
      return true;
  return false;
}

static void
look_at_file(int file)
{
  static struct record records[MOST][RECORDS];
  unsigned             flushed[MOST]; /* before the file is read, since those who live go on */
  for (unsigned i = 0; i < MOST; i++)
    flushed[i] = told->flushed[i];
  bool are_there = pread(file, records, sizeof records, 0) == sizeof records;
  for (unsigned i = 0; i < MOST; i++)
    are_there = are_there && are_flushed(records[i], flushed[i]);
  file_lost += !are_there;
  for (unsigned i = 0; i < MOST * RECORDS; i++)
    copies_leaked += has_copied(&records[i / RECORDS][i % RECORDS]);
}

/* --- rounds ----------------------------------------------------------------------------------- */

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
    look_at_file(file);
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
  round_number++;
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
  printf("1..7\n# %u kills, %u steps\n", kills, told->steps);
  say(own_lost == 0, 1, "no kill takes a name or a byte from a process that uses it");
  say(file_lost == 0, 2, "what a killed process has flushed is in the file");
  say(copies_leaked == 0, 3, "what was written to a copy is not");
  say(told->wrong == 0, 4, "a name is one section, and one process is told that it is new");
  say(names_stayed == 0, 5, "no name stays behind those who were killed");
  bool all_gone = names_become(0);
  say(all_gone, 6, "none stays in the end");
  bool nothing_left = descriptors_and_mappings() == before;
  say(nothing_left, 7, "no descriptor and no mapping is left");
  return own_lost + file_lost + copies_leaked + told->wrong + names_stayed + !all_gone
           + !nothing_left
         > 0;
}
