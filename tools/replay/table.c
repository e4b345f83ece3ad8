/* A table with open addressing; what is removed makes those behind it move up. */
#include "replay.h"

#include <string.h>

struct entry {
  uint64_t address; /* 0: none */
  uint32_t number;
};

static size_t
home_of(const struct table *table, uint64_t address)
{
  return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table->room - 1);
}

/* Where it is, or would be. */
static size_t
find(const struct table *table, uint64_t address)
{
  size_t at = home_of(table, address);
  while (table->entries[at].address != 0 && table->entries[at].address != address)
    at = (at + 1) & (table->room - 1);
  return at;
}

uint32_t
table_get(const struct table *table, uint64_t address)
{
  if (table->count == 0)
    return NOTHING;
  const struct entry *entry = &table->entries[find(table, address)];
  return entry->address ? entry->number : NOTHING;
}

static void
make_room(struct table *table)
{
  struct table old = *table;
  table->room = old.room ? old.room * 2 : 4096;
  table->entries = pages(table->room * sizeof *table->entries);
  for (size_t i = 0; i < old.room; i++)
    if (old.entries[i].address)
      table->entries[find(table, old.entries[i].address)] = old.entries[i];
  table_free(&old);
}

void
table_put(struct table *table, uint64_t address, uint32_t number)
{
  if (table->count >= table->room / 2)
    make_room(table);
  struct entry *entry = &table->entries[find(table, address)];
  table->count += entry->address == 0;
  *entry = (struct entry){address, number};
}

void
table_remove(struct table *table, uint64_t address)
{
  if (table->count == 0)
    return;
  size_t mask = table->room - 1, hole = find(table, address);
  if (table->entries[hole].address == 0)
    return;
  for (size_t at = (hole + 1) & mask; table->entries[at].address; at = (at + 1) & mask)
    if (((at - home_of(table, table->entries[at].address)) & mask) >= ((at - hole) & mask)) {
      table->entries[hole] = table->entries[at];
      hole = at;
    }
  table->entries[hole].address = 0;
  table->count--;
}

void
table_free(struct table *table)
{
  if (table->entries)
    pages_free(table->entries, table->room * sizeof *table->entries);
}

uint32_t
table_at(const struct table *table, size_t index)
{
  const struct entry *entry = &table->entries[index];
  return entry->address ? entry->number : NOTHING;
}
