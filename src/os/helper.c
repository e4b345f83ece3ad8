/* Threads of the library's own: one answers a signal by what a signal handler must not do, one does
 * something every second. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "os/os.h"

/* --- threads ---------------------------------------------------------------------------------- */

/* A thread that no signal goes to, but the one it may unblock for itself, so that the program's own
 * handlers run on its own threads. */
static bool
start_thread(void *(*body)(void *), void *argument)
{
  sigset_t  all, before;
  pthread_t thread;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&thread, NULL, body, argument) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started)
    pthread_detach(thread);
  return started;
}

/* Its argument points to the function. */
static void *
call_each_second(void *argument)
{
  void (*const *call)(void) = argument;
  for (;;) {
    (*call)();
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  }
  return NULL;
}

bool
sa_os_each_second(void (*call)(void))
{
  static void (*to_call)(void); /* set before the thread that reads it starts */
  to_call = call;
  return start_thread(call_each_second, &to_call);
}

/* --- signals ---------------------------------------------------------------------------------- */

int
sa_os_signal_number(const char *name, size_t length)
{
  static const struct {
    const char *name;
    int         number;
  } signals[] = {{"HUP", SIGHUP},     {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                 {"WINCH", SIGWINCH}, {"QUIT", SIGQUIT}, {"ALRM", SIGALRM}};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (strlen(signals[i].name) == length && memcmp(signals[i].name, name, length) == 0)
      return signals[i].number;
  return 0;
}

/* Posted by the handler, waited for by the thread; set up before both. */
static sem_t signalled;

/* Set before the thread that reads them starts. */
static int wanted;
static void (*to_answer)(void);

static void
handle(int number)
{
  int saved = errno;
  (void)number;
  sem_post(&signalled);
  errno = saved;
}

/* The program's threads may all block the signal; here there is one that does not. */
static void *
answer(void *unused)
{
  sigset_t signals;
  (void)unused;
  sigemptyset(&signals);
  sigaddset(&signals, wanted);
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
  for (;;)
    if (sem_wait(&signalled) == 0)
      to_answer();
  return NULL;
}

bool
sa_os_on_signal(int number, void (*call)(void))
{
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
  wanted = number;
  to_answer = call;
  return sem_init(&signalled, 0, 0) == 0 && start_thread(answer, NULL)
         && sigaction(number, &action, NULL) == 0;
}
