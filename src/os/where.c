/* Where in the program a code address is, on POSIX; os.h has the contract. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"

/* Starts addr2line on an address of a file; its output can be read from what is returned, or -1. What
 * the environment asks of this program, such as to preload a library, it does not ask of that. */
static int
ask_addr2line(const char *file, const char *address, pid_t *pid)
{
  char *const arguments[] = {"addr2line", "-sfpe", (char *)file, (char *)address, NULL};
  char *const nothing[] = {NULL};
  int         ends[2];
  if (pipe(ends) != 0)
    return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  int failed = posix_spawnp(pid, "addr2line", &actions, NULL, arguments, nothing);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (!failed)
    return ends[0];
  close(ends[0]);
  return -1;
}

static size_t
read_all(int from, char *text, size_t room)
{
  size_t  length = 0;
  ssize_t got;
  while (length < room && (got = read(from, text + length, room - length)) > 0)
    length += (size_t)got;
  return length;
}

/* What a debugger calls the address: from where the file was loaded, unless that place is fixed. */
static size_t
address_in_file(const Dl_info *info, const void *code)
{
  const ElfW(Ehdr) *header = info->dli_fbase;
  return (size_t)((const char *)code - (header->e_type == ET_EXEC ? NULL : (char *)header));
}

/* Such as "main at hello.c:12". False without debug information, or without addr2line. */
static bool
find_line(const Dl_info *info, const void *code, char *text, size_t room)
{
  char  address[32];
  pid_t pid;
  /* the call, not what is after it */
  snprintf(address, sizeof address, "%#zx", address_in_file(info, code) - 1);
  int from = ask_addr2line(info->dli_fname, address, &pid);
  if (from < 0)
    return false;
  size_t length = read_all(from, text, room - 1);
  close(from);
  waitpid(pid, NULL, 0);
  text[length] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return length > 0 && !strchr(text, '?');
}

static void
find_where(const void *code, char *text, size_t room)
{
  Dl_info info;
  if (!dladdr(code, &info) || !info.dli_fname) {
    snprintf(text, room, "%p", code);
    return;
  }
  if (find_line(&info, code, text, room))
    return;
  if (info.dli_sname)
    snprintf(text, room, "%s+%#zx", info.dli_sname,
             (size_t)((const char *)code - (char *)info.dli_saddr));
  else
    snprintf(text, room, "%s+%#zx", info.dli_fname, address_in_file(&info, code));
}

void
sa_os_where(const void *code, char *text, size_t room)
{
  int cancel = sa_os_forbid_cancel();
  find_where(code, text, room);
  sa_os_allow_cancel(cancel);
}
