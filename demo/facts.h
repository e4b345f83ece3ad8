/*
 * What is in the catalog. All of it follows from the numbers of the records, so the server need not
 * keep it, and a client knows what each answer must be.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FACTS_H
#define FACTS_H

#include <stddef.h>

enum { FACT_TEXT = 80 }; /* as long as any text gets */

enum fact_kind { FACT_BOOK, FACT_MAP, FACT_RECORDING };

struct fact {
  int            number;
  char           title[FACT_TEXT];
  char           subtitle[FACT_TEXT]; /* empty: it has none */
  int            price;               /* 0: it has none */
  short          first_year;
  short          latest_year;
  int            first_copies;
  int            latest_copies;
  enum fact_kind kind;
  int            pages;       /* of a book */
  short          survey_year; /* of a map */
  int            survey_copies;
  char           performer[FACT_TEXT]; /* of a recording */
  int            loans;                /* how many years there are */
};

/* All that is known of a record. */
struct fact fact_of(int number);

enum fact_kind fact_kind_of(int number);
/* How often a record was lent in a year. */
int fact_loans(int number, int year);
/* A byte of the scan of a record. */
unsigned char fact_scan(int number, int byte);
/* The first note to a record. */
void fact_note(int number, char note[FACT_TEXT]);
/* The sum over the pages of an index. */
int fact_index(int kilobytes);
/* A page of it. */
int fact_index_page(int page);

#endif
