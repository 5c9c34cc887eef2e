/*
 * launch.c
 *	  cdc_agent --launch: what becomes a process of a service.
 *
 * See process.h.  One thread, begun as root; everything that the process is held
 * to is set here, before its program runs: the lock, the log, the cgroups, the
 * user, the limits.
 */
#include "agent/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/service_user.h"

#define OOM_SCORE "500"
#define MAX_PASSWD (16 * 1024 * 1024)
#define MAX_LOG (16 * 1024 * 1024)

static int
refuse(int fd, const char *what)
{
	dprintf(fd, "%s: %s", what, strerror(errno));
	return 1;
}

/* Opens a file in the agent's own directory that is nothing else than that: no link, and no other name of it. */
static int
open_own(const char *path, int flags)
{
	struct stat st;
	int			fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1))
	{
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/*
 * Takes the lock and says who holds it.  The program gets a descriptor that can
 * read the file alone: what is in it stays our word.  A lock to write needs one
 * that can write, so it is taken first, for there to be no other, and made one to
 * read, which the second descriptor shares.
 */
static bool
take_lock(const char *path, gid_t gid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int			fd = open_own(path, O_RDWR | O_CREAT | O_CLOEXEC);
	int			kept;

	if (fd < 0)
		return false;
	/* its group may read it: who restarts a worker beside itself asks for its pid */
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0 || (geteuid() == 0 && fchown(fd, 0, gid) != 0) || fchmod(fd, 0640) != 0 ||
		ftruncate(fd, 0) != 0 || dprintf(fd, "%d %llu\n", (int) getpid(), agent_process_start_of(getpid())) < 0)
		return false;
	kept = open_own(path, O_RDONLY);
	lock.l_type = F_RDLCK;
	return kept >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 && fcntl(kept, F_OFD_SETLK, &lock) == 0;
}

static bool
take_log(const char *dir, const char *name)
{
	char		path[MAXPGPATH];
	char		former[MAXPGPATH + 2];
	struct stat st;
	int			fd;

	snprintf(path, sizeof(path), "%s/log/%s", dir, name);
	snprintf(former, sizeof(former), "%s/log", dir);
	if (lstat(former, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
	{
		errno = EPERM;
		return false;
	}
	snprintf(former, sizeof(former), "%s.1", path);
	if (lstat(path, &st) == 0 && st.st_size > MAX_LOG && rename(path, former) != 0)
		return false;
	fd = open_own(path, O_WRONLY | O_CREAT | O_APPEND);
	return fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0 && (geteuid() != 0 || fchown(fd, 0, 0) == 0) &&
		dup2(fd, 1) == 1 && dup2(fd, 2) == 2 && close(fd) == 0;
}

/* Into cgroups, whose directories are words with colons between them. */
static bool
join_cgroups(char *words)
{
	char	   *rest;
	char	   *where;

	for (where = strtok_r(words, ":", &rest); where; where = strtok_r(NULL, ":", &rest))
	{
		char		path[MAXPGPATH];
		int			fd;
		bool		ok;

		snprintf(path, sizeof(path), "%s/cgroup.procs", where);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ok = fd >= 0 && write(fd, "0", 1) == 1;
		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	return true;
}

/* What no process of a service has: more processes, cores with passwords in them, rights by a file's owner. */
static bool
limit(rlim_t processes)
{
	struct rlimit own = {processes, processes};
	struct rlimit none = {0, 0};
	int			fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* a host that is out of memory ends services, rather than what watches over them */
	if (fd >= 0)
	{
		(void) !write(fd, OOM_SCORE, strlen(OOM_SCORE));
		close(fd);
	}
	return (processes == 0 || setrlimit(RLIMIT_NPROC, &own) == 0) && setrlimit(RLIMIT_CORE, &none) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/*
 * Lends a user without an entry in /etc/passwd one, for this process and what it
 * starts: initdb does not work without a name.
 */
static bool
lend_name(const char *dir, uid_t uid, gid_t gid)
{
	char	   *ignored = NULL;
	char	   *words = agent_read_file(AT_FDCWD, "/etc/passwd", MAX_PASSWD, &ignored);
	char		path[MAXPGPATH];
	int			fd;
	bool		ok;

	/* cppcheck-suppress getpwuidCalled; in a process of its own, which has one thread */
	if (getpwuid(uid))
		return true;
	snprintf(path, sizeof(path), "%s/passwd", dir);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	ok = fd >= 0 && fchmod(fd, 0644) == 0 &&
		dprintf(fd, "%s" AGENT_USER_PREFIX "%u:x:%u:%u::/nonexistent:/usr/sbin/nologin\n", words ? words : "", (unsigned) uid, (unsigned) uid, (unsigned) gid) > 0;
	if (fd >= 0)
		close(fd);
	ok = ok && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount(path, "/etc/passwd", NULL, MS_BIND, NULL) == 0;
	unlink(path);
	return ok;
}

int
agent_launch_main(int argc, char **argv)
{
	char		path[MAXPGPATH];
	bool		root = geteuid() == 0;
	bool		detach;
	uid_t		uid;
	gid_t		gid;
	int			said;

	/* argv[0] is the agent's */
	if (argc < AGENT_LAUNCH_ARGS + 2)
		return 2;
	detach = strcmp(argv[2], "detach") == 0;
	uid = (uid_t) atol(argv[6]);
	gid = (gid_t) atol(argv[7]);
	/* errors go to who started us, until the program runs */
	said = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (said < 0)
		return 2;
	if (detach)
	{
		pid_t		pid = fork();

		if (pid != 0)
			return pid < 0 ? refuse(said, "could not fork") : 0;
	}
	setsid();
	umask(077);
	agent_process_path(path, sizeof(path), argv[3], argv[4]);
	if (!take_lock(path, gid))
		return refuse(said, path);
	if (!take_log(argv[3], argv[4]))
		return refuse(said, "could not open its log");
	if (!join_cgroups(argv[8]))
		return refuse(said, "could not enter its cgroup");
	if (root && strcmp(argv[10], "named") == 0 && !lend_name(argv[3], uid, gid))
		return refuse(said, "could not lend its user a name (without CAP_SYS_ADMIN each id of service_uids needs an entry in /etc/passwd)");
	if (root && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0))
		return refuse(said, "could not become its user");
	/* what fetches a version is root's own */
	if (uid != 0 && !limit((rlim_t) atol(argv[9])))
		return refuse(said, "could not limit it");
	/* as its user: the directory is the service's */
	if (chdir(argv[5]) != 0)
		return refuse(said, argv[5]);
	execv(argv[AGENT_LAUNCH_ARGS + 1], argv + AGENT_LAUNCH_ARGS + 1);
	return refuse(said, argv[AGENT_LAUNCH_ARGS + 1]);
}
