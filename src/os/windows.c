/* The system below, on Windows; os.h has the contract. */
#define WIN32_LEAN_AND_MEAN
#define _CRT_RAND_S /* rand_s, in <stdlib.h> */
#include <windows.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"

#define GIB ((size_t)1 << 30)

static bool
no_memory(void)
{
  errno = ENOMEM;
  return false;
}

size_t
sa_os_page(void)
{
  return 4096; /* on every processor that 64-bit Windows runs on */
}

/* What is reserved costs Wine a byte a page, and anywhere a 512th for what sa_os_reserve_zeros is
 * asked for beside it. */
size_t
sa_os_reservation(void)
{
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  size_t         memory = GlobalMemoryStatusEx(&status) ? (size_t)status.ullTotalPhys : GIB;
  size_t         size = GIB;
  while (size < memory && size < 8 * GIB)
    size *= 2;
  return size;
}

/* Nothing of a reservation can be given back alone, so a place is looked for in a larger one and then
 * taken by its address; another thread may be faster. */
void *
sa_os_reserve(size_t length, size_t alignment)
{
  enum { ATTEMPTS = 100 };
  for (int i = 0; i < ATTEMPTS && length <= SIZE_MAX - alignment; i++) {
    char *around = VirtualAlloc(NULL, length + alignment, MEM_RESERVE, PAGE_NOACCESS);
    if (!around)
      break;
    VirtualFree(around, 0, MEM_RELEASE);
    char *at = around + (-(uintptr_t)around & (alignment - 1));
    at = VirtualAlloc(at, length, MEM_RESERVE, PAGE_NOACCESS);
    if (at)
      return at;
  }
  no_memory();
  return NULL;
}

/* What is only reserved cannot be read here. Committed, it takes no memory before it is written to,
 * only of what the system is ready to promise. */
void *
sa_os_reserve_zeros(size_t length)
{
  void *at = VirtualAlloc(NULL, length, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (!at)
    no_memory();
  return at;
}

bool
sa_os_commit(void *at, size_t length)
{
  return VirtualAlloc(at, length, MEM_COMMIT, PAGE_READWRITE) || no_memory();
}

bool
sa_os_protect(void *at, size_t length, enum sa_os_access access)
{
  static const DWORD protection[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE};
  DWORD              old;
  return VirtualProtect(at, length, protection[access], &old) || no_memory();
}

bool
sa_os_release(void *at, size_t length)
{
  (void)length;
  return VirtualFree(at, 0, MEM_RELEASE) || no_memory();
}

bool
sa_os_decommit(void *at, size_t length)
{
  VirtualFree(at, length, MEM_DECOMMIT);
  return false;
}

/* --- large pages: only for memory that is reserved and committed in one step, so never here --- */

size_t
sa_os_large_page(void)
{
  return (size_t)2 << 20;
}

enum sa_os_outcome
sa_os_commit_large(void *at, size_t length)
{
  (void)at, (void)length;
  return SA_OS_REFUSED;
}

bool
sa_os_uncommit_large(void *at, size_t length)
{
  sa_os_decommit(at, length);
  return true;
}

void
sa_os_prefer_large(void *at, size_t length)
{
  (void)at, (void)length;
}

enum sa_os_outcome
sa_os_move(void *to, void *from, size_t length)
{
  (void)to, (void)from, (void)length;
  return SA_OS_REFUSED;
}

/* --- threads ---------------------------------------------------------------------------------- */

static BOOL CALLBACK
call(INIT_ONCE *once, void *init, void **unused)
{
  (void)once, (void)unused;
  void (*function)(void);
  *(void **)&function = init;
  function();
  return TRUE;
}

void
sa_os_once(void (*init)(void))
{
  static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
  InitOnceExecuteOnce(&once, call, *(void **)&init, NULL);
}

static void (*exit_hook)(void);

SA_EACH_THREADS_STATIC bool own_watched;
#define watched SA_THIS_THREADS(own_watched)

void
sa_os_hooks(void (*thread_exit)(void), void (*forked)(void))
{
  (void)forked; /* nothing forks here */
  exit_hook = thread_exit;
}

void
sa_os_watch_thread(void)
{
  watched = true;
}

/* The loader calls this in every thread that exits, however it was made, and whether this is a DLL or
 * part of a program. At the process's exit the other threads are gone without a word. */
static void NTAPI
thread_event(void *module, DWORD reason, void *unused)
{
  (void)module, (void)unused;
  if (reason != DLL_THREAD_DETACH || !watched)
    return;
  watched = false;
  exit_hook();
}

/* The loader's list of such functions, of which MinGW's startup code has the ends. Late in it, so that
 * what other parts of the program do at a thread's exit may still allocate. */
__attribute__((section(".CRT$XLY"), used)) static const PIMAGE_TLS_CALLBACK on_thread_event =
  thread_event;

uint64_t
sa_os_nanoseconds(void)
{
  LARGE_INTEGER ticks, in_second;
  QueryPerformanceCounter(&ticks);
  QueryPerformanceFrequency(&in_second);
  uint64_t now = (uint64_t)ticks.QuadPart, second = (uint64_t)in_second.QuadPart;
  return now / second * 1000000000 + now % second * 1000000000 / second;
}

/* There are none that one process could send another. */
int
sa_os_signal_number(const char *name, size_t length)
{
  (void)name, (void)length;
  return 0;
}

bool
sa_os_on_signal(int number, void (*action)(void))
{
  (void)number, (void)action;
  return false;
}

/* Publishing comes with sections there. */
bool
sa_os_each_second(void (*action)(void))
{
  (void)action;
  return false;
}

void *
sa_os_publish(size_t length)
{
  (void)length;
  errno = ENOTSUP;
  return NULL;
}

void
sa_os_program(char *name, size_t room)
{
  memset(name, 0, room);
}

/* Traces are not recorded there. */
int
sa_os_record_open(const char *path)
{
  (void)path;
  errno = ENOTSUP;
  return -1;
}

int
sa_os_record(int file, const void *head, size_t head_length, const void *rest, size_t rest_length)
{
  (void)file, (void)head, (void)head_length, (void)rest, (void)rest_length;
  return ENOTSUP;
}

void
sa_os_record_close(int file)
{
  (void)file;
}

long
sa_os_process(void)
{
  return (long)GetCurrentProcessId();
}

bool
sa_os_peek(void *to, const void *from, size_t length)
{
  SIZE_T copied;
  if (ReadProcessMemory(GetCurrentProcess(), from, to, length, &copied) && copied == length)
    return true;
  errno = EFAULT;
  return false;
}

/* Wine has the function, but up to 8.0 it does nothing, and does not say so. */
bool
sa_os_fence_others(void)
{
  if (GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version"))
    return false;
  FlushProcessWriteBuffers();
  return true;
}

int
sa_os_forbid_cancel(void)
{
  return 0;
}

void
sa_os_allow_cancel(int before)
{
  (void)before;
}

void
sa_os_random(void *to, size_t length)
{
  char        *bytes = to;
  unsigned int random = 0;
  for (size_t i = 0; i < length; i++) {
    if (rand_s(&random) != 0)
      random = (unsigned int)(sa_os_nanoseconds() ^ (uintptr_t)to >> 4);
    bytes[i] = (char)random;
  }
}

void
sa_os_yield(void)
{
  SwitchToThread();
}

const char *
sa_os_environment(const char *name)
{
  return getenv(name);
}

/* --- what is said ----------------------------------------------------------------------------- */

void
sa_os_say(const char *line, size_t length)
{
  DWORD written; /* or not: nobody is left to tell */
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), line, (DWORD)length, &written, NULL);
}

void
sa_os_where(const void *code, char *text, size_t room)
{
  const DWORD how =
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  HMODULE module;
  char    path[MAX_PATH];
  if (!GetModuleHandleExA(how, code, &module) || !GetModuleFileNameA(module, path, sizeof path)) {
    snprintf(text, room, "%p", code);
    return;
  }
  const char *slash = strrchr(path, '\\');
  snprintf(text, room, "%s+%#zx", slash ? slash + 1 : path,
           (size_t)((const char *)code - (const char *)module));
}
