/*
 * process.h
 *	  Long-lived processes that outlive the agent: started once, found again,
 *	  ended with all that they have started.
 *
 * Each has a file NAME.pid in its service's directory, which the agent alone can
 * write.  The process holds a lock on it (its children inherit that) from before
 * its program runs until the last of them is gone, so that "does it run" is asked
 * of the kernel: no pid can be taken for another's, and nothing can be started
 * twice, however often the agent is killed.  A process may give up its lock, and
 * hurts itself alone: a signal goes to none but a process that the kernel says is
 * of that user.  No knowledge of what runs.
 */
#ifndef CDC_AGENT_PROCESS_H
#define CDC_AGENT_PROCESS_H

#include "common/base.h"

#include <sys/types.h>

typedef struct AgentLaunch
{
	const char *dir;			/* absolute, the agent's own; has NAME.pid and log/NAME */
	const char *name;
	const char *cwd;			/* where it works; nobody else works there */
	uid_t		uid;			/* as whom it runs, when the agent is root */
	gid_t		gid;
	const char *const *argv;	/* NULL at the end; no secret among them */
	const char *cgroups;		/* directories of cgroups to be in, with colons; NULL: none */
	int			processes;		/* its user's processes at most; 0: not limited */
	bool		named;			/* it asks for its user's name, which a number need not have */
} AgentLaunch;

/* Does a process of this name, or a child of it, live?  *pid: the first one, 0 when only children do. */
extern bool agent_process_lives(const char *dir, const char *name, pid_t *pid);

/* Starts it, detached; false with *error.  One that lives already is an error. */
extern bool agent_process_start(const AgentLaunch *launch, char **error);

/* Runs it to its end; false, *error with its last words, when it failed or took longer. */
extern bool agent_process_run(const AgentLaunch *launch, int seconds, char **error);

/*
 * Ends it, a process of uid: the signal, then after so many seconds SIGKILL for
 * everything of that user that works in cwd (may be NULL).  True when nothing of
 * it lives any more.
 */
extern bool agent_process_end(const char *dir, const char *name, uid_t uid, const char *cwd, int signal, int seconds);

/* The last fault, else the last line, in log/NAME, redacted and shortened; "" when there is none. */
extern char *agent_process_last_words(const char *dir, const char *name);

/* When a process was started, in the kernel's ticks since boot; 0: there is none. */
extern unsigned long long agent_process_start_of(pid_t pid);

/* Where its pid file is. */
extern void agent_process_path(char *path, size_t size, const char *dir, const char *name);

/* --launch MODE DIR NAME CWD UID GID CGROUPS PROCESSES NAMED -- PROGRAM ... */
#define AGENT_LAUNCH_ARGS 11

/* The program's other faces: --launch (used by the two above) and --restart. */
extern int	agent_launch_main(int argc, char **argv);
extern int	agent_restart_main(int argc, char **argv);

#endif							/* CDC_AGENT_PROCESS_H */
