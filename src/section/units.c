/* Units for scopes: the section as a source; section.h tells how processes agree. */
#include "section/section.h"

#include <errno.h>
#include <string.h>

enum {
  FREE, /* not this process's; perhaps another one's */
  IDLE, /* claimed, and kept for the next scope */
  OUT,
};

enum { FIRST = SA_SECTION_OWN / SA_SOURCE_UNIT };

static struct sa_section *
section_of(struct sa_source *source)
{
  return (struct sa_section *)source;
}

/* --- holding ---------------------------------------------------------------------------------- */

/* The stand-ins and states of so many units, in whole pages. */
static size_t
tables_length(size_t units)
{
  size_t page = sa_os_page();
  return (units * (sizeof(void *) + 1) + page - 1) / page * page;
}

static bool
make_tables(struct sa_section *section)
{
  size_t length = tables_length(section->source.units);
  void  *tables = sa_os_reserve_zeros(length);
  if (tables && !sa_os_commit(tables, length)) {
    sa_os_release(tables, length);
    tables = NULL;
  }
  section->source.stand_ins = tables;
  section->states = (unsigned char *)(section->source.stand_ins + section->source.units);
  return tables;
}

/* Undoes as much of `begin` as was done. */
static void
end(struct sa_section *section)
{
  struct sa_source *source = &section->source;
  sa_source_withdraw(source);
  if (source->stand_ins)
    sa_os_release(source->stand_ins, tables_length(source->units));
  if (source->start)
    sa_view_unmap(source->start);
  sa_backing_close_claims(&section->backing, source->units);
  source->start = NULL;
  source->stand_ins = NULL;
}

static int
map_all(struct sa_section *section)
{
  void  *start;
  size_t length = section->source.units * SA_SOURCE_UNIT;
  int    failed = sa_backing_check(&section->backing, length);
  if (!failed)
    failed = sa_backing_map_units(&section->backing, length, &start);
  if (failed)
    return failed;
  failed = sa_view_add(section, start, 0, length, SA_VIEW_WRITE);
  if (failed)
    sa_backing_unmap(&section->backing, start, length);
  else
    section->source.start = start;
  if (section->backing.may_shrink)
    sa_section_watch_faults();
  return failed;
}

/* What one process keeps, others cannot have: little beside the whole. */
static size_t
most_idle(size_t units)
{
  enum { PART = 16, MOST = 64 };
  return units / PART < MOST ? units / PART : MOST;
}

static int
begin(struct sa_section *section)
{
  struct sa_source *source = &section->source;
  source->units = section->size / SA_SOURCE_UNIT;
  section->process = sa_section_process;
  section->idle = 0;
  section->most_idle = most_idle(source->units);
  section->claim_next = FIRST;
  if (section->flags & SA_SECTION_READ_ONLY)
    return EACCES;
  if (source->units <= FIRST)
    return ENOSPC;
  int failed = sa_backing_open_claims(&section->backing, source->units);
  if (!failed)
    failed = map_all(section);
  if (!failed && !make_tables(section))
    failed = ENOMEM;
  if (!failed && !sa_source_publish(source))
    failed = EMFILE;
  return failed;
}

static bool
is_mine(const struct sa_section *section)
{
  return section->process == sa_section_process;
}

static int
hold(struct sa_source *source)
{
  struct sa_section *section = section_of(source);
  int                failed = 0;
  sa_section_lock();
  if (section->scopes == 0 && !is_mine(section))
    end(section); /* what is left from before a fork */
  if (!source->start)
    failed = begin(section);
  else if (!is_mine(section))
    failed = EBUSY;
  if (!failed)
    section->scopes++;
  else if (section->scopes == 0)
    end(section);
  sa_section_unlock();
  return failed;
}

static void
drop(struct sa_source *source)
{
  struct sa_section *section = section_of(source);
  sa_section_lock();
  sa_section_use(section); /* its view may be its last user */
  section->scopes--;
  if (!section->has_handle)
    sa_section_give_up_units(section);
  sa_section_unlock();
  sa_section_drop(section);
}

void
sa_section_give_up_units(struct sa_section *section)
{
  if (section->scopes == 0 && section->source.start)
    end(section);
}

/* --- taking ----------------------------------------------------------------------------------- */

static bool
are_all(const unsigned char *states, size_t count, unsigned char state)
{
  for (size_t i = 0; i < count; i++)
    if (states[i] != state)
      return false;
  return true;
}

/* Units in a row that are idle; 0: there are none. */
static size_t
find_idle(const struct sa_section *section, size_t count)
{
  size_t units = section->source.units;
  if (section->idle < count)
    return 0;
  for (size_t at = FIRST; at + count <= units; at++) {
    const unsigned char *idle = memchr(section->states + at, IDLE, units - at);
    if (!idle)
      return 0;
    at = (size_t)(idle - section->states);
    if (at + count <= units && are_all(idle, count, IDLE))
      return at;
  }
  return 0;
}

/* Claims units in a row that start in a range; 0: there are none. */
static size_t
claim_between(struct sa_section *section, size_t at, size_t end, size_t count)
{
  while (at < end && at + count <= section->source.units) {
    if (!are_all(section->states + at, count, FREE)) {
      at++;
      continue;
    }
    if (sa_backing_claim(&section->backing, at, count))
      return at;
    at = sa_backing_behind(&section->backing, at, count);
  }
  return 0;
}

/* From where the last claim ended, and around. */
static size_t
claim(struct sa_section *section, size_t count)
{
  size_t units = section->source.units;
  size_t at = claim_between(section, section->claim_next, units, count);
  if (at == 0)
    at = claim_between(section, FIRST, section->claim_next, count);
  if (at == 0)
    return 0;
  memset(section->states + at, IDLE, count);
  section->idle += count;
  section->claim_next = at + count;
  return at;
}

static void
give_up_idle(struct sa_section *section)
{
  for (size_t at = FIRST; section->idle > 0; at++)
    if (section->states[at] == IDLE) {
      sa_backing_disclaim(&section->backing, at, 1);
      section->states[at] = FREE;
      section->idle--;
    }
}

static size_t
find(struct sa_section *section, size_t count)
{
  size_t batch = section->most_idle / 4; /* claimed at once where less is wanted */
  size_t at = find_idle(section, count);
  if (at == 0 && count < batch)
    at = claim(section, batch);
  if (at == 0)
    at = claim(section, count);
  if (at == 0 && section->idle > 0) { /* some of them may be in the way */
    give_up_idle(section);
    at = claim(section, count);
  }
  return at;
}

static void *
take(struct sa_source *source, size_t count)
{
  struct sa_section *section = section_of(source);
  size_t             at = 0;
  sa_section_lock();
  if (is_mine(section) && count <= source->units)
    at = find(section, count);
  if (at != 0) {
    memset(section->states + at, OUT, count);
    section->idle -= count;
  }
  sa_section_unlock();
  return at == 0 ? NULL : source->start + at * SA_SOURCE_UNIT;
}

/* --- giving back ------------------------------------------------------------------------------ */

static void
give(struct sa_source *source, void *unit, size_t count)
{
  struct sa_section *section = section_of(source);
  size_t             at = (size_t)((char *)unit - source->start) / SA_SOURCE_UNIT;
  sa_section_lock();
  bool keeps = section->idle + count <= section->most_idle;
  if (is_mine(section)) { /* else they are the parent's */
    memset(section->states + at, keeps ? IDLE : FREE, count);
    if (keeps)
      section->idle += count;
    else
      sa_backing_disclaim(&section->backing, at, count);
  }
  sa_section_unlock();
}

void
sa_section_become_source(struct sa_section *section)
{
  section->source = (struct sa_source){.hold = hold, .drop = drop, .take = take, .give = give};
}
