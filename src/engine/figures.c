/* Figures as text: for a reader, as JSON, and in Prometheus' format. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/figures.h"
#include "os/os.h"

_Atomic(const struct sa_table *) sa_more_figures;

#define WIDTH(columns) (sizeof(columns) / sizeof *(columns))

/* --- the tables ------------------------------------------------------------------------------- */

static const struct sa_column process_columns[] = {
  SA_COLUMN(sa_stats, SA_GAUGE, live, "live_bytes", "In blocks that are out"),
  SA_COLUMN(sa_stats, SA_GAUGE, live_blocks, "live_blocks", "Blocks that are out"),
  SA_COLUMN(sa_stats, SA_GAUGE, cached, "cached_bytes", "Ready to be given out"),
  SA_COLUMN(sa_stats, SA_GAUGE, overhead, "overhead_bytes", "The allocator's own"),
  SA_COLUMN(sa_stats, SA_GAUGE, mapped, "mapped_bytes", "Live, cached and overhead together"),
  SA_COLUMN(sa_stats, SA_GAUGE, empty, "empty_bytes", "Mapped without pages"),
  SA_COLUMN(sa_stats, SA_GAUGE, reserved, "reserved_bytes", "Address space"),
  SA_COLUMN(sa_stats, SA_GAUGE, peak, "peak_bytes", "Most in units that were used at once"),
  SA_COLUMN(sa_stats, SA_COUNTER, returned, "returned_bytes", "Given back to the system"),
  SA_COLUMN(sa_stats, SA_COUNTER, large_got, "large_got_bytes", "Put into explicit large pages"),
  SA_COLUMN(sa_stats, SA_COUNTER, large_refused, "large_refused_bytes",
            "Refused explicit large pages"),
  SA_COLUMN(sa_stats, SA_GAUGE, caches, "caches", "Thread caches in use"),
  SA_COLUMN(sa_stats, SA_COUNTER, misuses, "misuses", "Said, and survived by on_misuse=report"),
};

static const struct sa_column class_columns[] = {
  SA_COLUMN(sa_class_stats, SA_NUMBER_COLUMN, block_size, "size", "Bytes of a block"),
  SA_COLUMN(sa_class_stats, SA_GAUGE, slabs, "slabs", "Slabs of such blocks"),
  SA_COLUMN(sa_class_stats, SA_GAUGE, live_blocks, "live_blocks", "Blocks that are out"),
  SA_COLUMN(sa_class_stats, SA_GAUGE, live, "live_bytes", "In blocks that are out"),
  SA_COLUMN(sa_class_stats, SA_GAUGE, cached, "cached_bytes", "In the other blocks"),
};

static const struct sa_column cache_columns[] = {
  SA_COLUMN(sa_cache_stats, SA_NUMBER_COLUMN, number, "cache", "Number of the cache"),
  SA_COLUMN(sa_cache_stats, SA_GAUGE, slabs, "slabs", "Current slabs"),
  SA_COLUMN(sa_cache_stats, SA_GAUGE, adopted, "adopted", "Adopted slabs"),
  SA_COLUMN(sa_cache_stats, SA_GAUGE, cached, "cached_bytes", "Free in its slabs"),
  SA_COLUMN(sa_cache_stats, SA_GAUGE, sending, "sending_bytes",
            "Free, on their way to other slabs"),
};

static size_t
get_classes(void *to, size_t room)
{
  return sa_get_class_stats(to, room);
}

static size_t
get_caches(void *to, size_t room)
{
  return sa_get_cache_stats(to, room);
}

static const struct sa_table process_table = {
  "process", "", sizeof(sa_stats), process_columns, WIDTH(process_columns), NULL};
static const struct sa_table class_table = {
  "classes", "class", sizeof(sa_class_stats), class_columns, WIDTH(class_columns), get_classes};
static const struct sa_table cache_table = {"caches_of_threads",    "cache",
                                            sizeof(sa_cache_stats), cache_columns,
                                            WIDTH(cache_columns),   get_caches};

/* --- writing ---------------------------------------------------------------------------------- */

struct writer {
  int            format;
  sa_stats_sink *sink;
  void          *context;
};

/* A table's rows. */
struct rows {
  const struct sa_table *table;
  char                  *first;
  size_t                 count;
};

static SA_ATTRIBUTE(format(SA_PRINTF, 2, 3)) void put(const struct writer *to, const char *format,
                                                      ...)
{
  char    text[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length > 0)
    to->sink(to->context, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/* A name, which is printable, between quotes, as JSON and Prometheus alike want it. */
static void
put_quoted(const struct writer *to, const char *name)
{
  put(to, "\"");
  for (; *name; name++) {
    put(to, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
  }
  put(to, "\"");
}

static bool
tells_rows_apart(const struct sa_column *column)
{
  return column->kind <= SA_NUMBER_COLUMN;
}

static size_t
number_in(const char *row, const struct sa_column *column)
{
  size_t number;
  memcpy(&number, row + column->at, sizeof number);
  return number;
}

/* --- for a reader ----------------------------------------------------------------------------- */

static void
put_process_lines(const struct writer *to, const struct rows *rows)
{
  for (size_t i = 0; i < rows->table->width; i++) {
    const struct sa_column *column = &rows->table->columns[i];
    put(to, "%-20s %16zu  %s\n", column->name, number_in(rows->first, column), column->help);
  }
}

static void
put_cell(const struct writer *to, const char *row, const struct sa_column *column)
{
  if (column->kind == SA_NAME_COLUMN)
    put(to, "%-31s", row + column->at);
  else
    put(to, " %*zu", (int)strlen(column->name) < 12 ? 12 : (int)strlen(column->name),
        number_in(row, column));
}

static void
put_lines(const struct writer *to, const struct rows *rows)
{
  put(to, "\n%s\n", rows->table->name);
  for (size_t i = 0; i < rows->table->width; i++) {
    const struct sa_column *column = &rows->table->columns[i];
    put(to, column->kind == SA_NAME_COLUMN ? "%-31s" : " %12s", column->name);
  }
  put(to, "\n");
  for (size_t r = 0; r < rows->count; r++) {
    for (size_t i = 0; i < rows->table->width; i++)
      put_cell(to, rows->first + r * rows->table->row_size, &rows->table->columns[i]);
    put(to, "\n");
  }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void
put_members(const struct writer *to, const struct sa_table *table, const char *row)
{
  for (size_t i = 0; i < table->width; i++) {
    const struct sa_column *column = &table->columns[i];
    put(to, "%s\"%s\": ", i > 0 ? ", " : "", column->name);
    if (column->kind == SA_NAME_COLUMN)
      put_quoted(to, row + column->at);
    else
      put(to, "%zu", number_in(row, column));
  }
}

static void
put_array(const struct writer *to, const struct rows *rows)
{
  put(to, ",\n \"%s\": [", rows->table->name);
  for (size_t r = 0; r < rows->count; r++) {
    put(to, "%s\n  {", r > 0 ? "," : "");
    put_members(to, rows->table, rows->first + r * rows->table->row_size);
    put(to, "}");
  }
  put(to, "]");
}

/* --- Prometheus ------------------------------------------------------------------------------- */

static void
put_labels(const struct writer *to, const struct sa_table *table, const char *row)
{
  const char *between = "{";
  for (size_t i = 0; i < table->width; i++) {
    const struct sa_column *column = &table->columns[i];
    if (!tells_rows_apart(column))
      continue;
    put(to, "%s%s=", between, column->name);
    between = ",";
    if (column->kind == SA_NAME_COLUMN)
      put_quoted(to, row + column->at);
    else
      put(to, "\"%zu\"", number_in(row, column));
  }
  put(to, "%s", *between == ',' ? "} " : " ");
}

/* All samples of a metric stand together. */
static void
put_metrics(const struct writer *to, const struct rows *rows)
{
  const struct sa_table *table = rows->table;
  for (size_t i = 0; i < table->width; i++) {
    const struct sa_column *column = &table->columns[i];
    bool                    counts = column->kind == SA_COUNTER;
    char                    metric[80];
    if (tells_rows_apart(column))
      continue;
    snprintf(metric, sizeof metric, "stuballoc_%s%s%s%s", table->row, *table->row ? "_" : "",
             column->name, counts ? "_total" : "");
    put(to, "# HELP %s %s.\n# TYPE %s %s\n", metric, column->help, metric,
        counts ? "counter" : "gauge");
    for (size_t r = 0; r < rows->count; r++) {
      const char *row = rows->first + r * table->row_size;
      put(to, "%s", metric);
      put_labels(to, table, row);
      put(to, "%zu\n", number_in(row, column));
    }
  }
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
put_rows(const struct writer *to, const struct rows *rows)
{
  if (to->format == SA_STATS_TEXT)
    put_lines(to, rows);
  else if (to->format == SA_STATS_JSON)
    put_array(to, rows);
  else
    put_metrics(to, rows);
}

/* Gets the rows if there is room for them all; else how many there are. The room is not the engine's,
 * for that would be counted, too. */
static size_t
put_table_within(const struct writer *to, const struct sa_table *table, size_t room)
{
  size_t      length = (room * table->row_size / sa_os_page() + 1) * sa_os_page();
  struct rows rows = {.table = table, .first = sa_os_reserve(length, sa_os_page())};
  if (rows.first && sa_os_commit(rows.first, length))
    rows.count = table->get(rows.first, room);
  if (rows.count <= room)
    put_rows(to, &rows);
  if (rows.first)
    sa_os_release(rows.first, length);
  return rows.count;
}

/* Counted once, if there are not so many; without memory there are none. */
static void
put_table(const struct writer *to, const struct sa_table *table)
{
  enum { USUAL = 256 };
  size_t count = put_table_within(to, table, USUAL);
  for (size_t room = USUAL; count > room; count = put_table_within(to, table, room))
    room = 2 * count;
}

static void
put_process(const struct writer *to, sa_stats *stats)
{
  struct rows rows = {&process_table, (char *)stats, 1};
  if (to->format == SA_STATS_TEXT) {
    put_process_lines(to, &rows);
  } else if (to->format == SA_STATS_JSON) {
    put(to, "{");
    put_members(to, &process_table, rows.first);
  } else {
    put_metrics(to, &rows);
  }
}

int
sa_write_stats(int format, sa_stats_sink *sink, void *context)
{
  const struct writer    to = {format, sink, context};
  const struct sa_table *more = atomic_load_explicit(&sa_more_figures, memory_order_acquire);
  sa_stats               stats = {.size = sizeof stats};
  if (format < SA_STATS_TEXT || format > SA_STATS_PROMETHEUS) {
    errno = EINVAL;
    return -1;
  }
  if (sa_get_stats(&stats) != 0)
    return -1;
  put_process(&to, &stats);
  put_table(&to, &class_table);
  put_table(&to, &cache_table);
  if (more)
    put_table(&to, more);
  if (format == SA_STATS_JSON)
    put(&to, "}\n");
  return 0;
}
