/* Views: where a process sees a section, and what its addresses are to others. */
#include "section/section.h"

#include <errno.h>
#include <stdlib.h>

static struct sa_view *views; /* guarded by the lock */

/* --- the list --------------------------------------------------------------------------------- */

static void
list(struct sa_view *view)
{
  sa_section_lock();
  view->next = views;
  views = view;
  sa_section_unlock();
}

int
sa_view_add(struct sa_section *section, void *start, uint64_t offset, size_t length,
            unsigned access)
{
  struct sa_view *view = malloc(sizeof *view);
  if (!view)
    return ENOMEM;
  *view = (struct sa_view){start, length, offset, access, section, NULL};
  sa_section_lock();
  sa_section_use(section);
  list(view);
  sa_section_unlock();
  return 0;
}

struct sa_view *
sa_view_at(const void *address)
{
  struct sa_view *view = views;
  while (view && (uintptr_t)address - (uintptr_t)view->start >= view->length)
    view = view->next;
  return view;
}

/* Takes the view that starts there off the list. */
static struct sa_view *
unlist(const void *start)
{
  sa_section_lock();
  struct sa_view **link = &views;
  while (*link && (*link)->start != start)
    link = &(*link)->next;
  struct sa_view *view = *link;
  if (view)
    *link = view->next;
  sa_section_unlock();
  return view;
}

/* --- mapping ---------------------------------------------------------------------------------- */

static int
check_access(const struct sa_section *section, unsigned access)
{
  const unsigned all = SA_VIEW_READ | SA_VIEW_WRITE | SA_VIEW_COPY;
  if (access == 0 || access & ~all || (access & SA_VIEW_WRITE && access & SA_VIEW_COPY))
    return EINVAL;
  return access & SA_VIEW_WRITE && section->flags & SA_SECTION_READ_ONLY ? EACCES : 0;
}

static int
check_part(const struct sa_section *section, const void *at, uint64_t offset, size_t length)
{
  size_t page = section->backing.page;
  if (length == 0)
    return EINVAL;
  if (offset % page != 0 || (uintptr_t)at % page != 0)
    return EDOM;
  if (offset > section->size || length > section->size - offset)
    return ERANGE;
  return sa_backing_check(&section->backing, offset + length);
}

void *
sa_section_map(struct sa_section *s, void *at, uint64_t offset, size_t length, unsigned access)
{
  void *view;
  int   failed = check_access(s, access);
  if (!failed)
    failed = check_part(s, at, offset, length);
  if (!failed)
    failed = sa_backing_map(&s->backing, at, offset, length, access, &view);
  if (failed)
    return sa_section_no(failed);
  if (s->backing.may_shrink)
    sa_section_watch_faults();
  failed = sa_view_add(s, view, offset, length, access);
  if (!failed)
    return view;
  sa_backing_unmap(&s->backing, view, length);
  return sa_section_no(failed);
}

int
sa_view_unmap(void *start)
{
  struct sa_view *view = unlist(start);
  if (!view)
    return sa_section_failed(EFAULT);
  int failed = sa_backing_unmap(&view->section->backing, view->start, view->length);
  if (failed) {
    list(view);
    return sa_section_failed(failed);
  }
  sa_section_drop(view->section);
  free(view);
  return 0;
}

/* --- parts of views --------------------------------------------------------------------------- */

/* A part of a view, in whole pages, and a copy of what is known about it, whose section stays until
 * it is let go. */
struct part {
  struct sa_view view;
  char          *start;
  size_t         length;
};

/* The part of `length` bytes from an address on, 0: to the view's end. 0 or an errno value. */
static int
find_part(struct part *part, const void *address, size_t length)
{
  sa_section_lock();
  struct sa_view *view = sa_view_at(address);
  int             failed = view ? 0 : EFAULT;
  if (view) {
    size_t before = (size_t)((const char *)address - view->start);
    size_t extra = before % sa_os_page();
    if (length == 0)
      length = view->length - before;
    if (length > view->length - before)
      failed = ERANGE;
    *part = (struct part){*view, view->start + before - extra, length + extra};
  }
  if (!failed)
    sa_section_use(view->section);
  sa_section_unlock();
  return failed;
}

/* Whether its bytes are still there. */
static int
check_there(const struct part *part)
{
  uint64_t within = (uint64_t)(part->start - part->view.start);
  return sa_backing_check(&part->view.section->backing, part->view.offset + within + part->length);
}

static int
let_go(const struct part *part, int failed)
{
  sa_section_drop(part->view.section);
  return sa_section_failed(failed);
}

int
sa_view_flush(const void *view, size_t length)
{
  struct part part;
  int         failed = find_part(&part, view, length);
  if (failed)
    return sa_section_failed(failed);
  const struct sa_section *section = part.view.section;
  failed = check_there(&part);
  if (!failed && part.view.access & SA_VIEW_WRITE)
    failed = sa_backing_flush(&section->backing, part.start, part.length,
                              section->flags & SA_SECTION_DURABLE);
  return let_go(&part, failed);
}

int
sa_view_hint(const void *view, size_t length, unsigned hint)
{
  struct part part;
  if (hint != SA_VIEW_LOAD && hint != SA_VIEW_LET_GO)
    return sa_section_failed(EINVAL);
  int failed = find_part(&part, view, length);
  if (failed)
    return sa_section_failed(failed);
  failed = sa_backing_hint(part.start, part.length, hint, part.view.access & SA_VIEW_COPY);
  return let_go(&part, failed);
}

int
sa_view_resident(const void *view, size_t length, size_t *resident)
{
  struct part part;
  int         failed = find_part(&part, view, length);
  if (failed)
    return sa_section_failed(failed);
  failed = check_there(&part);
  if (!failed)
    failed = sa_backing_resident(part.start, part.length, resident);
  return let_go(&part, failed);
}

/* --- offsets ---------------------------------------------------------------------------------- */

uint64_t
sa_section_offset(struct sa_section *s, const void *p)
{
  uint64_t offset = UINT64_MAX;
  sa_section_lock();
  const struct sa_view *view = sa_view_at(p);
  if (view && view->section == s)
    offset = view->offset + (uint64_t)((const char *)p - view->start);
  sa_section_unlock();
  if (offset == UINT64_MAX)
    errno = EFAULT;
  return offset;
}

static bool
shows(const struct sa_view *view, uint64_t offset, size_t length)
{
  return offset >= view->offset && offset - view->offset < view->length
         && length <= view->length - (offset - view->offset);
}

void *
sa_section_range(struct sa_section *s, uint64_t offset, size_t length)
{
  if (offset >= s->size || length > s->size - offset)
    return sa_section_no(ERANGE);
  sa_section_lock();
  const struct sa_view *view = views;
  while (view && !(view->section == s && shows(view, offset, length)))
    view = view->next;
  void *at = view ? view->start + (offset - view->offset) : NULL;
  sa_section_unlock();
  return at ? at : sa_section_no(EFAULT);
}

void *
sa_section_pointer(struct sa_section *s, uint64_t offset)
{
  return sa_section_range(s, offset, 1);
}
