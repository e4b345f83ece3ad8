/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include <stdint.h>
#include <stdio.h>

static const char *const adjectives[] = {"Complete", "Shorter", "Illustrated", "Forgotten",
                                         "Coastal"};
static const char *const subjects[] = {"Birds",    "Rivers",  "Songs",  "Lighthouses",
                                       "Railways", "Gardens", "Winters"};
static const char *const places[] = {"the North", "Flanders", "the Azores", "Bohemia"};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* A number below `limit` that depends on a record and on what is asked about it. */
static int
draw(int number, uint32_t question, int limit)
{
  uint32_t x = (uint32_t)number * 2654435761u + question * 2246822519u;
  x ^= x >> 15;
  x *= 2654435761u;
  x ^= x >> 13;
  return (int)(x % (uint32_t)limit);
}

enum { ADJECTIVE, SUBJECT, PLACE, SUBTITLE, PRICE, YEAR, COPIES, KIND, PART, LOANS, SCAN, LOAN };

enum fact_kind
fact_kind_of(int number)
{
  return (enum fact_kind)draw(number, KIND, 3);
}

struct fact
fact_of(int number)
{
  struct fact fact = {.number = number, .kind = fact_kind_of(number)};
  snprintf(fact.title, sizeof fact.title, "%s %s of %s",
           adjectives[draw(number, ADJECTIVE, COUNT(adjectives))],
           subjects[draw(number, SUBJECT, COUNT(subjects))],
           places[draw(number, PLACE, COUNT(places))]);
  if (draw(number, SUBTITLE, 2))
    snprintf(fact.subtitle, sizeof fact.subtitle, "volume %d", number);
  fact.price = draw(number, PRICE, 3) * 450;
  fact.first_year = (short)(1700 + draw(number, YEAR, 200));
  fact.latest_year = (short)(fact.first_year + 50);
  fact.first_copies = 100 + draw(number, COPIES, 900);
  fact.latest_copies = 10 * fact.first_copies;
  fact.pages = 20 + draw(number, PART, 1000);
  fact.survey_year = (short)(fact.first_year - 2);
  fact.survey_copies = draw(number, PART, 7);
  snprintf(fact.performer, sizeof fact.performer, "the %s ensemble",
           subjects[draw(number, PART, COUNT(subjects))]);
  fact.loans = draw(number, LOANS, 12);
  return fact;
}

int
fact_loans(int number, int year)
{
  return draw(number, LOAN + (uint32_t)year, 1000);
}

unsigned char
fact_scan(int number, int byte)
{
  return (unsigned char)((unsigned)number * 31 + (unsigned)byte + (unsigned)byte / 251);
}

void
fact_note(int number, char note[FACT_TEXT])
{
  snprintf(note, FACT_TEXT, "record %d was looked at", number);
}

int
fact_index_page(int page)
{
  return draw(page, SCAN, 1000);
}

int
fact_index(int kilobytes)
{
  int sum = 0;
  for (int page = 0; page < kilobytes; page++)
    sum += fact_index_page(page);
  return sum;
}
