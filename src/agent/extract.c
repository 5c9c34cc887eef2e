/*
 * extract.c
 *	  See extract.h.
 *
 * libarchive reads; it never writes: its own extraction knows far more kinds of
 * entries than we want to allow.
 */
#include "agent/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 32
#define MAX_COMPONENT 255
#define SHOWN_PATH 120			/* bytes of a path that an error quotes */

struct archive *
agent_extract_reader(void)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_zip(a);
	return a;
}

/* The path for a message: short, printable ASCII. */
typedef struct Shown
{
	char		words[SHOWN_PATH + 1];
} Shown;

static Shown
shown(const char *path)
{
	Shown		result;
	char	   *p;

	strlcpy(result.words, path, sizeof(result.words));
	for (p = result.words; *p; p++)
	{
		if ((unsigned char) *p < ' ' || (unsigned char) *p > '~')
			*p = '?';
	}
	return result;
}

static bool
refuse(char **error, const char *path, const char *why)
{
	*error = psprintf("the archive's entry \"%s\" %s", shown(path).words, why);
	return false;
}

/* Makes a directory if it is missing, and goes there: the new descriptor, or -1. */
static int
step_into(int fd, const char *component, const char *path, char **error)
{
	int			next = -1;

	if (mkdirat(fd, component, 0755) != 0 && errno != EEXIST)
		*error = psprintf("could not make the directory of \"%s\": %m", shown(path).words);
	else
	{
		next = openat(fd, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			refuse(error, path, "goes through what is no directory");
	}
	close(fd);
	return next;
}

/*
 * Opens the directory of a path below dirfd, making those that are missing, and
 * points *last to its last component within buf (a copy of path, which is taken
 * apart); NULL: the path names the top itself.  Returns a descriptor to close,
 * or -1 with *error.
 */
static int
open_parent(int dirfd, const char *path, char *buf, const char **last, char **error)
{
	int			fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	int			depth = 0;
	char	   *rest;
	char	   *component;

	*last = NULL;
	if (fd < 0)
	{
		*error = psprintf("could not open the directory to extract to: %m");
		return -1;
	}
	for (component = strtok_r(buf, "/", &rest); component; component = strtok_r(NULL, "/", &rest))
	{
		if (strcmp(component, ".") == 0)
			continue;
		if (strcmp(component, "..") == 0 || strlen(component) > MAX_COMPONENT || ++depth > MAX_DEPTH)
		{
			close(fd);
			refuse(error, path, strcmp(component, "..") == 0 ? "leads out of its directory" : "is too long or too deep");
			return -1;
		}
		if (*last && (fd = step_into(fd, *last, path, error)) < 0)
			return -1;
		*last = component;
	}
	return fd;
}

static bool
write_block(int fd, const char *data, size_t size, off_t offset)
{
	while (size > 0)
	{
		ssize_t		n = pwrite(fd, data, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t) n;
		offset += n;
	}
	return true;
}

/* The data of one file; what libarchive leaves out is a hole, and counts too. */
static bool
write_data(struct archive *a, int fd, const char *path, int64 *left, char **error)
{
	int64		length = 0;

	for (;;)
	{
		const void *data;
		size_t		size;
		la_int64_t	offset;
		int			rc = archive_read_data_block(a, &data, &size, &offset);

		if (rc == ARCHIVE_EOF)
			break;
		if (rc != ARCHIVE_OK)
		{
			*error = psprintf("the archive is damaged or cut short at \"%s\": %s", shown(path).words,
							  archive_error_string(a) ? archive_error_string(a) : "unknown fault");
			return false;
		}
		if (offset < 0 || (int64) size > *left + length || offset > *left + length - (int64) size)
			return refuse(error, path, "would take more than max_extracted_bytes");
		if (!write_block(fd, data, size, (off_t) offset))
		{
			*error = psprintf("could not write \"%s\": %m", shown(path).words);
			return false;
		}
		if (offset + (int64) size > length)
		{
			*left -= offset + (int64) size - length;
			length = offset + (int64) size;
		}
	}
	return true;
}

static bool
extract_entry(struct archive *a, struct archive_entry *entry, int dirfd, int64 *left, char **error)
{
	const char *path = archive_entry_pathname(entry);
	char	   *buf;
	const char *last;
	int			parent;
	int			fd;
	bool		ok;

	if (path == NULL || path[0] == '\0')
		return refuse(error, "", "has no name that can be read");
	if (path[0] == '/')
		return refuse(error, path, "has an absolute path");
	if (archive_entry_hardlink(entry) != NULL)
		return refuse(error, path, "is a hard link");
	if (archive_entry_symlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
		return refuse(error, path, "is a symbolic link");
	if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != AE_IFDIR)
		return refuse(error, path, "is neither a file nor a directory");
	if (archive_entry_is_encrypted(entry))
		return refuse(error, path, "is encrypted");
	buf = pstrdup(path);
	parent = open_parent(dirfd, path, buf, &last, error);
	if (parent < 0)
	{
		pfree(buf);
		return false;
	}
	if (archive_entry_filetype(entry) == AE_IFDIR)
	{
		ok = last == NULL || mkdirat(parent, last, 0755) == 0 || errno == EEXIST;
		if (!ok)
			*error = psprintf("could not make directory \"%s\": %m", shown(path).words);
	}
	else if (last == NULL)
		ok = refuse(error, path, "names the directory itself");
	else
	{
		fd = openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
		{
			if (errno == EEXIST)
				ok = refuse(error, path, "comes twice");
			else
			{
				*error = psprintf("could not create \"%s\": %m", shown(path).words);
				ok = false;
			}
		}
		else
		{
			ok = write_data(a, fd, path, left, error);
			if (close(fd) != 0 && ok)
			{
				*error = psprintf("could not write \"%s\": %m", shown(path).words);
				ok = false;
			}
		}
	}
	close(parent);
	pfree(buf);
	return ok;
}

bool
agent_extract(struct archive *a, int dirfd, const AgentLimits *limits, char **error)
{
	int64		left = limits->bytes;
	int			n = 0;

	for (;;)
	{
		struct archive_entry *entry;
		int			rc = archive_read_next_header(a, &entry);

		if (rc == ARCHIVE_EOF)
			break;
		if (rc != ARCHIVE_OK)
		{
			*error = psprintf("the archive is damaged or cut short: %s",
							  archive_error_string(a) ? archive_error_string(a) : "unknown fault");
			return false;
		}
		if (++n > limits->entries)
		{
			*error = psprintf("the archive has more than %d entries (max_entries)", limits->entries);
			return false;
		}
		if (!extract_entry(a, entry, dirfd, &left, error))
			return false;
	}
	if (n == 0)
	{
		*error = pstrdup("the archive is empty");
		return false;
	}
	return true;
}
