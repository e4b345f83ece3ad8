/*
 * Tables of figures, which one function writes in all formats. A row is a struct of the public
 * header; its columns say what stands where in it.
 */
#ifndef SA_FIGURES_H
#define SA_FIGURES_H

#include <stdatomic.h>
#include <stddef.h>

#include "stuballoc/stats.h"

#pragma GCC visibility push(hidden)

/* NAME and NUMBER tell rows apart (a char array of printable ASCII, a size_t); GAUGE goes up and down, COUNTER up (a
 * size_t each). */
enum sa_column_kind { SA_NAME_COLUMN, SA_NUMBER_COLUMN, SA_GAUGE, SA_COUNTER };

struct sa_column {
  const char         *name;
  enum sa_column_kind kind;
  size_t              at; /* in the row */
  const char         *help;
};

#define SA_COLUMN(row, kind, member, name, help)                                                   \
  {                                                                                                \
    name, kind, offsetof(row, member), help                                                        \
  }

struct sa_table {
  const char             *name; /* of all rows */
  const char             *row;  /* of one */
  size_t                  row_size;
  const struct sa_column *columns;
  size_t                  width; /* columns */
  /* Fills in at most `room` rows; returns how many there are. */
  size_t (*get)(void *to, size_t room);
};

/* A table of a room above, or NULL. Stored with release, always the same; read with acquire. */
extern _Atomic(const struct sa_table *) sa_more_figures;

#pragma GCC visibility pop

#endif
