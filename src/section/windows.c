/* What sections are made of on Windows: file mappings, whose names and pages the system keeps as long
 * as there is a handle or a view. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <psapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "section/section.h"

enum { GRANULARITY = 65536 }; /* of offsets and addresses, on every processor */

static int
error_of(DWORD error)
{
  static const struct {
    DWORD error;
    int   is;
  } known[] = {{ERROR_FILE_NOT_FOUND, ENOENT},     {ERROR_PATH_NOT_FOUND, ENOENT},
               {ERROR_ACCESS_DENIED, EACCES},      {ERROR_SHARING_VIOLATION, EACCES},
               {ERROR_INVALID_HANDLE, EACCES}, /* the name of an object of another kind */
               {ERROR_FILE_EXISTS, EEXIST},        {ERROR_ALREADY_EXISTS, EEXIST},
               {ERROR_DISK_FULL, ENOSPC},          {ERROR_COMMITMENT_LIMIT, ENOSPC},
               {ERROR_INVALID_ADDRESS, EADDRINUSE}};
  for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].error == error)
      return known[i].is;
  return ENOMEM;
}

static int
last_error(void)
{
  return error_of(GetLastError());
}

static HANDLE
object_of(const struct sa_backing *backing)
{
  return (HANDLE)backing->object;
}

static size_t
whole(size_t size, size_t page)
{
  return (size + page - 1) / page * page;
}

/* --- what others may do ----------------------------------------------------------------------- */

/* NULL: what the user's token says, which is the user alone. */
static PSECURITY_DESCRIPTOR
descriptor_for(unsigned flags)
{
  PSECURITY_DESCRIPTOR descriptor = NULL;
  const char          *all = "D:(A;;GA;;;WD)", *read = "D:(A;;GA;;;OW)(A;;GR;;;WD)";
  if (flags & SA_SECTION_ALL)
    ConvertStringSecurityDescriptorToSecurityDescriptorA(
      flags & SA_SECTION_OTHERS_READ ? read : all, SDDL_REVISION_1, &descriptor, NULL);
  return descriptor;
}

static void
set_name(char *file, const char *name)
{
  snprintf(file, SA_FILE_NAME, "Local\\stuballoc-%s", name);
}

/* --- mappings --------------------------------------------------------------------------------- */

/* With the name in `backing`, if there is one. */
static int
make_mapping(struct sa_backing *backing, HANDLE file, DWORD protection, uint64_t size,
             unsigned flags)
{
  PSECURITY_DESCRIPTOR descriptor = descriptor_for(flags);
  SECURITY_ATTRIBUTES  attributes = {sizeof attributes, descriptor, FALSE};
  HANDLE               mapping =
    CreateFileMappingA(file, descriptor ? &attributes : NULL, protection, (DWORD)(size >> 32),
                       (DWORD)size, backing->file[0] ? backing->file : NULL);
  DWORD error = GetLastError();
  LocalFree(descriptor);
  backing->object = (intptr_t)mapping;
  if (!mapping)
    return error == ERROR_INVALID_PARAMETER ? EOVERFLOW : error_of(error);
  return error == ERROR_ALREADY_EXISTS ? EEXIST : 0;
}

/* The size of a mapping, in whole pages: more is not told. */
static int
size_of(const struct sa_backing *backing, uint64_t *size)
{
  MEMORY_BASIC_INFORMATION information;
  void                    *view = MapViewOfFile(object_of(backing), FILE_MAP_READ, 0, 0, 0);
  if (!view)
    return last_error();
  bool known = VirtualQuery(view, &information, sizeof information) != 0;
  UnmapViewOfFile(view);
  *size = known ? information.RegionSize : 0;
  return known ? 0 : ENOMEM;
}

/* Of a mapping that existed. What is told of its size leaves it open by less than a page. */
static int
compare_size(const struct sa_backing *backing, uint64_t *size)
{
  uint64_t there;
  int      failed = size_of(backing, &there);
  if (!failed && there != whole((size_t)*size, sa_os_page()))
    *size = there;
  return failed;
}

static int
make_large(struct sa_backing *backing, uint64_t size, unsigned flags)
{
  if (backing->file[0])
    return ENOTSUP;
  if (size % sa_os_large_page() != 0)
    return EDOM;
  DWORD large = PAGE_READWRITE | SEC_COMMIT | SEC_LARGE_PAGES;
  if (make_mapping(backing, INVALID_HANDLE_VALUE, large, size, flags) != 0)
    return ENOTSUP;
  backing->page = sa_os_large_page();
  return 0;
}

int
sa_backing_create(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags,
                  bool *existed)
{
  int failed = ENOTSUP;
  if (flags & SA_SECTION_GROUP)
    return ENOTSUP;
  if (name)
    set_name(backing->file, name);
  backing->page = GRANULARITY;
  if (flags & (SA_SECTION_LARGE_PAGES | SA_SECTION_LARGE_PAGES_OR_NOT))
    failed = make_large(backing, *size, flags);
  if (failed && !(flags & SA_SECTION_LARGE_PAGES))
    failed = make_mapping(backing, INVALID_HANDLE_VALUE, PAGE_READWRITE, *size, flags);
  if (failed != EEXIST)
    return failed;
  *existed = true;
  failed = flags & SA_SECTION_EXCLUSIVE ? EEXIST : compare_size(backing, size);
  if (failed)
    CloseHandle(object_of(backing));
  return failed;
}

int
sa_backing_open(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags)
{
  bool reads = flags & SA_SECTION_READ_ONLY;
  if (flags & SA_SECTION_GROUP)
    return ENOTSUP;
  set_name(backing->file, name);
  backing->page = GRANULARITY;
  HANDLE mapping =
    OpenFileMappingA(reads ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE, FALSE, backing->file);
  if (!mapping)
    return last_error();
  backing->object = (intptr_t)mapping;
  return size_of(backing, size);
}

/* What a handle allows is not told, so it is tried. */
static int
check_writable(const struct sa_backing *backing)
{
  void *view = MapViewOfFile(object_of(backing), FILE_MAP_WRITE, 0, 0, 1);
  if (!view)
    return last_error();
  UnmapViewOfFile(view);
  return 0;
}

int
sa_backing_adopt(struct sa_backing *backing, intptr_t descriptor, uint64_t *size, unsigned flags)
{
  HANDLE own;
  if (descriptor == 0 || descriptor == -1
      || !DuplicateHandle(GetCurrentProcess(), (HANDLE)descriptor, GetCurrentProcess(), &own, 0,
                          FALSE, DUPLICATE_SAME_ACCESS))
    return EINVAL;
  backing->object = (intptr_t)own;
  backing->page = GRANULARITY;
  int failed = size_of(backing, size) == 0 ? 0 : EINVAL;
  if (!failed && !(flags & SA_SECTION_READ_ONLY))
    failed = check_writable(backing);
  if (failed)
    CloseHandle(own);
  return failed;
}

/* --- files ------------------------------------------------------------------------------------ */

static int
open_file(const char *path, unsigned flags, HANDLE *file)
{
  bool                 reads = flags & SA_SECTION_READ_ONLY;
  DWORD                how = reads ? OPEN_EXISTING : OPEN_ALWAYS;
  PSECURITY_DESCRIPTOR descriptor = descriptor_for(flags);
  SECURITY_ATTRIBUTES  attributes = {sizeof attributes, descriptor, FALSE};
  if (flags & SA_SECTION_EXCLUSIVE)
    how = CREATE_NEW;
  *file = CreateFileA(path, reads ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE,
                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                      descriptor ? &attributes : NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
  int failed = *file == INVALID_HANDLE_VALUE ? last_error() : 0;
  LocalFree(descriptor);
  return failed;
}

/* A mapping lets the file grow, but only one that is written to. */
static int
map_file(struct sa_backing *backing, HANDLE file, uint64_t size, unsigned flags)
{
  LARGE_INTEGER there;
  bool          reads = flags & SA_SECTION_READ_ONLY;
  if (!GetFileSizeEx(file, &there))
    return last_error();
  if (reads && (uint64_t)there.QuadPart < size)
    return ENODATA;
  return make_mapping(backing, file, reads ? PAGE_READONLY : PAGE_READWRITE, size, 0);
}

int
sa_backing_create_file(struct sa_backing *backing, const char *path, uint64_t size, unsigned flags)
{
  HANDLE file;
  if (flags & SA_SECTION_GROUP)
    return ENOTSUP;
  int failed = open_file(path, flags, &file);
  if (failed)
    return failed;
  failed = map_file(backing, file, size, flags);
  backing->page = GRANULARITY;
  backing->claims = (intptr_t)file;
  if (failed)
    CloseHandle(file);
  return failed;
}

void
sa_backing_close(struct sa_backing *backing)
{
  CloseHandle(object_of(backing));
  if (backing->claims != -1)
    CloseHandle((HANDLE)backing->claims);
}

/* The system refuses to cut a file short that is mapped. */
int
sa_backing_check(const struct sa_backing *backing, uint64_t end)
{
  (void)backing, (void)end;
  return 0;
}

/* --- views ------------------------------------------------------------------------------------ */

int
sa_backing_map(const struct sa_backing *backing, void *at, uint64_t offset, size_t length,
               unsigned access, void **view)
{
  DWORD how = FILE_MAP_READ;
  if (access & SA_VIEW_WRITE)
    how = FILE_MAP_READ | FILE_MAP_WRITE;
  if (access & SA_VIEW_COPY) {
    how = FILE_MAP_COPY; /* which is combined with no other */
  } else if (backing->page == sa_os_large_page()) {
    how |= FILE_MAP_LARGE_PAGES;
    length = whole(length, backing->page);
  }
  *view =
    MapViewOfFileEx(object_of(backing), how, (DWORD)(offset >> 32), (DWORD)offset, length, at);
  if (*view)
    return 0;
  return at && GetLastError() != ERROR_NOT_ENOUGH_MEMORY ? EADDRINUSE : last_error();
}

int
sa_backing_map_units(const struct sa_backing *backing, size_t length, void **view)
{
  return sa_backing_map(backing, NULL, 0, length, SA_VIEW_WRITE, view);
}

int
sa_backing_unmap(const struct sa_backing *backing, void *view, size_t length)
{
  (void)backing, (void)length;
  return UnmapViewOfFile(view) ? 0 : last_error();
}

int
sa_backing_flush(const struct sa_backing *backing, void *at, size_t length, bool durable)
{
  if (!FlushViewOfFile(at, length))
    return last_error();
  bool done = !durable || backing->claims == -1 || FlushFileBuffers((HANDLE)backing->claims);
  return done ? 0 : last_error();
}

/* Hints, so it does not matter that VirtualUnlock says that nothing was locked. */
int
sa_backing_hint(void *at, size_t length, unsigned hint, bool is_copy)
{
  (void)is_copy;
  if (hint == SA_VIEW_LET_GO)
    VirtualUnlock(at, length);
  else
    for (size_t done = 0; done < length; done += sa_os_page())
      (void)*((volatile char *)at + done);
  return 0;
}

int
sa_backing_resident(void *at, size_t length, size_t *resident)
{
  *resident = 0;
  for (size_t done = 0; done < length; done += sa_os_page()) {
    PSAPI_WORKING_SET_EX_INFORMATION page = {.VirtualAddress = (char *)at + done};
    if (!K32QueryWorkingSetEx(GetCurrentProcess(), &page, sizeof page))
      return last_error();
    *resident += page.VirtualAttributes.Valid ? sa_os_page() : 0;
  }
  return 0;
}

/* --- claims ----------------------------------------------------------------------------------- */

int
sa_backing_open_claims(struct sa_backing *backing, size_t units)
{
  if (backing->claims != -1)
    return 0;
  if (!backing->file[0])
    return ENOTSUP; /* it has no name that others could know its units by */
  backing->events = calloc(units, sizeof *backing->events);
  return backing->events ? 0 : ENOMEM;
}

static OVERLAPPED
place_of(size_t unit)
{
  uint64_t at = ((uint64_t)1 << 62) + unit;
  return (OVERLAPPED){.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
}

static void
disclaim_one(struct sa_backing *backing, size_t unit)
{
  OVERLAPPED place = place_of(unit);
  if (!backing->events) {
    UnlockFileEx((HANDLE)backing->claims, 0, 1, 0, &place);
  } else if (backing->events[unit]) {
    CloseHandle((HANDLE)backing->events[unit]);
    backing->events[unit] = 0;
  }
}

static bool
claim_event(struct sa_backing *backing, size_t unit)
{
  char name[SA_FILE_NAME + 32];
  snprintf(name, sizeof name, "Local\\stuballoc unit %zu of %s", unit, strchr(backing->file, '-'));
  PSECURITY_DESCRIPTOR descriptor =
    descriptor_for(SA_SECTION_ALL); /* all may see that it is taken */
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, descriptor, FALSE};
  HANDLE              event = CreateEventA(&attributes, FALSE, FALSE, name);
  bool                is_new = event && GetLastError() != ERROR_ALREADY_EXISTS;
  LocalFree(descriptor);
  if (event && !is_new)
    CloseHandle(event);
  backing->events[unit] = is_new ? (intptr_t)event : 0;
  return is_new;
}

static bool
claim_one(struct sa_backing *backing, size_t unit)
{
  const DWORD how = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
  OVERLAPPED  place = place_of(unit);
  if (backing->events)
    return claim_event(backing, unit);
  return LockFileEx((HANDLE)backing->claims, how, 0, 1, 0, &place);
}

bool
sa_backing_claim(struct sa_backing *backing, size_t first, size_t units)
{
  size_t done = 0;
  while (done < units && claim_one(backing, first + done))
    done++;
  if (done == units)
    return true;
  sa_backing_disclaim(backing, first, done);
  return false;
}

void
sa_backing_disclaim(struct sa_backing *backing, size_t first, size_t units)
{
  for (size_t i = 0; i < units; i++)
    disclaim_one(backing, first + i);
}

void
sa_backing_close_claims(struct sa_backing *backing, size_t units)
{
  if (backing->events || backing->claims != -1)
    sa_backing_disclaim(backing, 0, units);
  free(backing->events);
  backing->events = NULL;
}

size_t
sa_backing_behind(const struct sa_backing *backing, size_t first, size_t units)
{
  (void)backing, (void)units;
  return first + 1;
}

/* --- what Windows does not have, or sees to itself -------------------------------------------- */

void
sa_section_watch_forks(void)
{
}

void
sa_section_watch_faults(void)
{
}
