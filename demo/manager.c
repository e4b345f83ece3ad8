/*
 * The operations of the catalog's server. All that they allocate is gone after the call, since the
 * interface is registered as a scoped one. Only shelves and what was lent live longer.
 *
 * SPDX-License-Identifier: MIT
 */
#define _CRT_RAND_S
#include <ctype.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include <stuballoc/rpcss.h>
#include <stuballoc/section.h>

#include <catalog.h>

#include "facts.h"
#include "memory.h"

struct shelf {
  whole held;
};

static atomic_int calls;
static atomic_int shelves;

static text
copy(const char *string)
{
  size_t size = strlen(string) + 1;
  return memcpy(RpcSsAllocate(size), string, size);
}

/* --- records ----------------------------------------------------------------------------------- */

void
catalog_title(handle_t binding, whole number, text *title)
{
  (void)binding;
  calls++;
  *title = copy(fact_of(number).title);
}

static void
tell_about(details *about, const struct fact *fact)
{
  about->what = (kind)fact->kind;
  switch (fact->kind) {
  case FACT_BOOK:
    about->value.pages = fact->pages;
    break;
  case FACT_MAP:
    about->value.survey = (edition){fact->survey_year, fact->survey_copies};
    break;
  case FACT_RECORDING:
    about->value.performer = copy(fact->performer);
    break;
  }
}

static whole *
loans_of(const struct fact *fact)
{
  if (fact->loans == 0)
    return NULL;
  whole *loans = RpcSsAllocate((size_t)fact->loans * sizeof *loans);
  for (int year = 0; year < fact->loans; year++)
    loans[year] = fact_loans(fact->number, year);
  return loans;
}

static whole *
price_of(const struct fact *fact)
{
  if (fact->price == 0)
    return NULL;
  whole *price = RpcSsAllocate(sizeof *price);
  *price = fact->price;
  return price;
}

static record *
make_record(int number)
{
  const struct fact fact = fact_of(number);
  record           *made = RpcSsAllocate(sizeof *made);
  *made = (record){
    .number = number,
    .title = copy(fact.title),
    .subtitle = fact.subtitle[0] ? copy(fact.subtitle) : NULL,
    .price = price_of(&fact),
    .printed = {{fact.first_year, fact.first_copies}, {fact.latest_year, fact.latest_copies}},
    .count = fact.loans,
    .loans = loans_of(&fact),
  };
  tell_about(&made->about, &fact);
  return made;
}

void
catalog_search(handle_t binding, kind what, whole from, whole limit, records *found)
{
  (void)binding;
  calls++;
  *found = NULL;
  if (what != BOOK && what != MAP && what != RECORDING) /* NDR lets any number pass */
    return;
  for (int number = from; limit > 0 && number < INT_MAX; number++) {
    if (fact_kind_of(number) != (enum fact_kind)what)
      continue;
    *found = make_record(number);
    found = &(*found)->next;
    limit--;
  }
}

/* --- relations --------------------------------------------------------------------------------- */

/* A relation that was copied has a negative number, and leads to its copy. */
static relation *
mirror_of(relation *original)
{
  if (!original)
    return NULL;
  if (original->number < 0)
    return original->left;
  relation *made = RpcSsAllocate(sizeof *made);
  relation *left = original->left;
  made->number = original->number;
  original->number = -1;
  original->left = made;
  made->left = mirror_of(original->right);
  made->right = mirror_of(left);
  return made;
}

void
catalog_mirror(handle_t binding, relations graph, relations *mirror)
{
  (void)binding;
  calls++;
  *mirror = mirror_of(graph);
}

/* --- notes, scans and the index ---------------------------------------------------------------- */

void
catalog_annotate(handle_t binding, whole number, text *note)
{
  char first[FACT_TEXT];
  (void)binding;
  calls++;
  if (!*note) {
    fact_note(number, first);
    *note = copy(first);
    return;
  }
  for (text at = *note; *at; at++)
    *at = (__typeof__(*at))toupper((unsigned char)*at); /* the runtimes differ on its sign */
}

static void
make_scan(whole number, whole size, pixel image[])
{
  for (int i = 0; i < size; i++)
    image[i] = fact_scan(number, i);
}

void
catalog_scan(handle_t binding, whole number, whole size, pixel image[])
{
  (void)binding;
  calls++;
  make_scan(number, size, image);
}

void
catalog_check(handle_t binding, whole size, pixel image[], whole *sum)
{
  (void)binding;
  calls++;
  *sum = 0;
  for (int i = 0; i < size; i++)
    *sum += image[i];
}

struct page {
  struct page *before;
  int          value;
  char         text[1000];
};

void
catalog_index(handle_t binding, whole kilobytes, whole *sum)
{
  struct page *last = NULL;
  (void)binding;
  calls++;
  for (int i = 0; i < kilobytes; i++) {
    struct page *page = RpcSsAllocate(sizeof *page);
    page->before = last;
    page->value = fact_index_page(i);
    last = page;
  }
  *sum = 0;
  for (struct page *page = last; page; page = last) {
    *sum += page->value;
    last = page->before;
    memory_give_back(page);
  }
}

/* --- shelves ----------------------------------------------------------------------------------- */

/* A client may send a context handle that is NULL. */

void
catalog_open_shelf(handle_t binding, text owner, shelf *opened)
{
  (void)binding;
  calls++;
  *opened = NULL;
  if (!owner)
    return;
  struct shelf *made = sa_calloc(1, sizeof *made);
  if (made)
    shelves++;
  *opened = made;
}

void
catalog_put(shelf to, whole number, whole *held)
{
  (void)number;
  calls++;
  *held = to ? ++((struct shelf *)to)->held : 0;
}

void
shelf_rundown(shelf left)
{
  shelves--;
  sa_free(left);
}

void
catalog_close_shelf(shelf *opened)
{
  calls++;
  if (*opened)
    shelf_rundown(*opened);
  *opened = NULL;
}

void
catalog_status(handle_t binding, statistics *now)
{
  (void)binding;
  *now = (statistics){.shelves = shelves, .calls = calls};
  calls++;
}

/* --- scans that are lent ----------------------------------------------------------------------- */

/* What clients that never return anything can take of the machine's memory. */
enum { LENT_AT_MOST = 128 << 20 };

/* The section, as it is to a client. */
struct picture {
  char  title[FACT_TEXT];
  pixel image[];
};

struct lending {
  whole           number, size;
  sa_section     *section;
  struct picture *picture; /* the server's view */
  char            name[64];
};

static _Atomic size_t lent_bytes;

static bool
random_bits(unsigned bits[4])
{
#ifdef _WIN32
  return rand_s(&bits[0]) == 0 && rand_s(&bits[1]) == 0 && rand_s(&bits[2]) == 0
         && rand_s(&bits[3]) == 0;
#else
  return getentropy(bits, 4 * sizeof *bits) == 0;
#endif
}

/* Nobody can have taken before what nobody can guess. */
static bool
name_section(struct lending *made)
{
  unsigned bits[4];
  if (!random_bits(bits))
    return false;
  snprintf(made->name, sizeof made->name, "catalog-%08x%08x%08x%08x", bits[0], bits[1], bits[2],
           bits[3]);
  return true;
}

static bool
make_section(struct lending *made)
{
  const size_t size = sizeof *made->picture + (size_t)made->size;
  made->section = sa_section_create(made->name, size, SA_SECTION_EXCLUSIVE);
  if (made->section)
    made->picture = sa_section_map(made->section, NULL, 0, size, SA_VIEW_WRITE);
  if (!made->picture)
    return false;
  strcpy(made->picture->title, fact_of(made->number).title);
  make_scan(made->number, made->size, made->picture->image);
  return true;
}

/* With the last client's view the section itself goes. */
void
lending_rundown(lending over)
{
  struct lending *lent = over;
  if (lent->picture)
    sa_view_unmap(lent->picture);
  sa_section_close(lent->section);
  atomic_fetch_sub(&lent_bytes, (size_t)lent->size);
  sa_free(lent);
}

static struct lending *
lend(whole number, whole size)
{
  struct lending *made = size > 0 ? sa_calloc(1, sizeof *made) : NULL;
  if (!made)
    return NULL;
  made->number = number;
  made->size = size;
  const size_t others = atomic_fetch_add(&lent_bytes, (size_t)size);
  if (others + (size_t)size <= LENT_AT_MOST && name_section(made) && make_section(made))
    return made;
  lending_rundown(made);
  return NULL;
}

/* Without a name for what could not be lent. */
void
catalog_lend(handle_t binding, whole number, whole size, lending *lent, place *where)
{
  struct lending *known = *lent;
  (void)binding;
  calls++;
  *where = (place){0};
  if (known && (known->number != number || known->size != size)) {
    lending_rundown(known);
    known = NULL;
  }
  *lent = known = known ? known : lend(number, size);
  if (known)
    *where = (place){offsetof(struct picture, image), size, copy(known->name)};
}

void
catalog_read(lending lent, whole from, whole size, pixel image[])
{
  const struct lending *known = lent;
  whole                 there = 0;
  calls++;
  if (size <= 0)
    return;
  if (known && from >= 0 && from < known->size)
    there = known->size - from < size ? known->size - from : size;
  if (there > 0)
    memcpy(image, known->picture->image + from, (size_t)there);
  memset(image + there, 0, (size_t)(size - there));
}

void
catalog_return(lending *lent)
{
  calls++;
  if (*lent)
    lending_rundown(*lent);
  *lent = NULL;
}
