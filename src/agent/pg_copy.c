/*
 * pg_copy.c
 *	  See pg_copy.h.
 */
#include "agent/pg_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"

#define SHORT_MS 10000
#define BACKUP_MS 120000		/* a checkpoint */

/* Contents that a standby must not have, or makes by itself; as pg_basebackup's list. */
static const char *const empty_dirs[] = {"pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots",
	"pg_stat_tmp", "pg_subtrans", "pg_wal", NULL};
static const char *const left_out[] = {"postmaster.pid", "postmaster.opts", "backup_label", "backup_manifest", "tablespace_map",
	"standby.signal", "recovery.signal", "current_logfiles", "pg_internal.init", NULL};

#define MAX_DEPTH 20

typedef struct Copy
{
	int			depth;
	char	  **error;
} Copy;

static bool
is_in(const char *name, const char *const *list)
{
	int			i;

	for (i = 0; list[i] && strcmp(list[i], name) != 0; i++)
		;
	return list[i] != NULL;
}

static bool
fault(const Copy *copy, const char *what, const char *name)
{
	*copy->error = psprintf("could not %s \"%s\": %m", what, name);
	return false;
}

/* A file that grows, shrinks or vanishes meanwhile is put right by the WAL. */
static bool
copy_file(Copy *copy, int from, int to, const char *name)
{
	char		buffer[65536];
	int			in = agent_beneath_open(from, name, O_RDONLY, 0);
	int			out;
	ssize_t		n;
	bool		ok = true;

	if (in < 0)
		return errno == ENOENT || fault(copy, "open", name);
	out = agent_beneath_open(to, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (out < 0)
		ok = fault(copy, "make", name);
	while (ok && (n = read(in, buffer, sizeof(buffer))) != 0)
	{
		if (n < 0)
			ok = fault(copy, "read", name);
		else
		{
			ssize_t		written = write(out, buffer, (size_t) n);

			if (written >= 0 && written < n)
				errno = ENOSPC;
			if (written != n)
				ok = fault(copy, "write", name);
		}
	}
	close(in);
	if (out >= 0)
		close(out);
	return ok;
}

static bool
copy_dir(Copy *copy, int from, int to, const char *name, bool empty, bool top)
{
	int			in = agent_beneath_open(from, name, O_RDONLY | O_DIRECTORY, 0);
	int			out;
	DIR		   *dir;
	struct dirent *entry;
	struct stat st;
	bool		ok = true;

	if (in < 0)
		return (errno == ENOENT && !top) || fault(copy, "open directory", name);
	if (copy->depth >= MAX_DEPTH)
		errno = ELOOP;
	if (copy->depth >= MAX_DEPTH || (!top && mkdirat(to, name, 0700) != 0))
	{
		close(in);
		return fault(copy, "make directory", name);
	}
	out = agent_beneath_open(to, top ? "." : name, O_RDONLY | O_DIRECTORY, 0);
	dir = out < 0 ? NULL : fdopendir(in);
	if (dir == NULL)
	{
		close(in);
		if (out >= 0)
			close(out);
		return fault(copy, "open directory", name);
	}
	copy->depth++;
	while (ok && !empty && (entry = readdir(dir)) != NULL)
	{
		const char *it = entry->d_name;

		if (strcmp(it, ".") == 0 || strcmp(it, "..") == 0 || is_in(it, left_out) || strncmp(it, "pgsql_tmp", 9) == 0)
			continue;
		if (fstatat(in, it, &st, AT_SYMLINK_NOFOLLOW) != 0)
			ok = errno == ENOENT || fault(copy, "look at", it);
		else if (S_ISDIR(st.st_mode))
			ok = copy_dir(copy, in, out, it, top && is_in(it, empty_dirs), false);
		else if (S_ISREG(st.st_mode))
			ok = copy_file(copy, in, out, it);
		else
		{
			errno = ENOTSUP;	/* a tablespace elsewhere */
			ok = fault(copy, "copy", it);
		}
	}
	copy->depth--;
	closedir(dir);
	close(out);
	return ok;
}

/* What makes the copy a standby's, the label of the backup first. */
static bool
finish(const Copy *copy, int to, const char *label)
{
	if (!agent_write_file(to, "backup_label", label, strlen(label), 0600, copy->error) ||
		!agent_write_file(to, "standby.signal", "", 0, 0600, copy->error))
		return false;
	if (mkdirat(to, "pg_wal/archive_status", 0700) != 0)
		return fault(copy, "make directory", "archive_status");
	return true;
}

/* One directory into the other, both the service's, as its user. */
static bool
copy_files(AgentService *s, const char *from, const char *to, Copy *copy)
{
	int			source = agent_service_open_as(s, from, copy->error);
	int			target;
	bool		ok;

	if (source < 0)
		return false;
	agent_beneath_leave();
	target = agent_service_open_as(s, to, copy->error);
	ok = target >= 0 && copy_dir(copy, source, target, ".", false, true);
	if (target >= 0)
		agent_service_close(target);
	close(source);
	return ok;
}

static bool
finish_files(AgentService *s, const char *to, const char *label, Copy *copy)
{
	int			fd = agent_service_open_as(s, to, copy->error);
	bool		ok = fd >= 0 && finish(copy, fd, label) && agent_sync_tree(fd, ".", copy->error);

	if (fd >= 0)
		agent_service_close(fd);
	return ok;
}

bool
agent_pg_copy(PGconn *conn, AgentService *s, const char *from, const char *to, char **error)
{
	Copy		copy = {0, error};
	bool		former = PQserverVersion(conn) < 150000;
	PGresult   *result;
	bool		ok;

	if (!agent_sql_do(conn, former ? "SELECT pg_start_backup('cdc_agent', true, false)" : "SELECT pg_backup_start('cdc_agent', true)", BACKUP_MS, error))
		return false;
	ok = copy_files(s, from, to, &copy);
	/* ends the backup in any case; without WAL archiving there is nothing to wait for */
	result = ok ? agent_sql(conn, former ? "SELECT labelfile FROM pg_stop_backup(false, false)" : "SELECT labelfile FROM pg_backup_stop(false)", BACKUP_MS, error) : NULL;
	ok = result && PQntuples(result) == 1 && finish_files(s, to, PQgetvalue(result, 0, 0), &copy);
	PQclear(result);
	return ok;
}
