/*
 * worker_control.c
 *	  See worker_control.h.
 */
#include "agent/worker_control.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/http.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/redact.h"

#define LOOK_MS 2000
#define MAX_ANSWER (4 * 1024 * 1024)
#define OUTPUT_FILE "restart.log"
#define POLL_MS 20

extern char **environ;

static void
read_plugins(const char *body, const char *class, const char *version, AgentWorkerLook *look)
{
	struct json_object *plugins = cdc_json_parse(body);
	size_t		n;
	size_t		i;

	if (!json_object_is_type(plugins, json_type_array))
	{
		look->error = pstrdup("its answer is no list of plugins");
		json_object_put(plugins);
		return;
	}
	look->answers = true;
	look->lists = class == NULL;
	n = json_object_array_length(plugins);
	for (i = 0; i < n; i++)
	{
		struct json_object *plugin = json_object_array_get_idx(plugins, i);
		const char *its_class = cdc_json_string(plugin, "class");
		const char *its_version = cdc_json_string(plugin, "version");

		if (class && its_class && strcmp(its_class, class) == 0 &&
			(version == NULL || (its_version && strcmp(its_version, version) == 0)))
			look->lists = true;
	}
	json_object_put(plugins);
}

void
agent_worker_look(const AgentConfig *config, const char *class, const char *version, AgentWorkerLook *look)
{
	CURL	   *easy = curl_easy_init();
	char	   *password = NULL;
	char	   *why = NULL;
	char	   *url = psprintf("%s%sconnector-plugins?connectorsOnly=false", config->connect_url,
							   config->connect_url[strlen(config->connect_url) - 1] == '/' ? "" : "/");
	AgentAnswer answer;

	memset(look, 0, sizeof(*look));
	if (easy == NULL)
	{
		look->error = pstrdup("libcurl does not start");
		return;
	}
	if (config->connect_password_file)
		password = agent_read_file(AT_FDCWD, config->connect_password_file, 4096, &why);
	pg_free(why);
	if (password)
		password[strcspn(password, "\r\n")] = '\0';
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (config->connect_user)
	{
		curl_easy_setopt(easy, CURLOPT_USERNAME, config->connect_user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, password ? password : "");
	}
	if (agent_http(easy, url, LOOK_MS, MAX_ANSWER, &answer, &look->error))
	{
		if (answer.status != 200)
			look->error = psprintf("HTTP %ld", answer.status);
		else
			read_plugins(answer.body.data, class, version, look);
	}
	if (password)
	{
		explicit_bzero(password, strlen(password));
		pfree(password);
	}
	pfree(url);
	pfree(answer.body.data);
}

/* The last line that the command said, redacted; "" when it said nothing. */
static char *
last_line(int state_fd)
{
	char	   *why = NULL;
	char	   *words = agent_read_file(state_fd, OUTPUT_FILE, 1024 * 1024, &why);
	char	   *line;
	char	   *said;
	size_t		length;

	pg_free(why);
	if (words == NULL)
		return pstrdup("");
	for (length = strlen(words); length > 0 && words[length - 1] == '\n'; length--)
		words[length - 1] = '\0';
	line = strrchr(words, '\n');
	line = line ? line + 1 : words;
	if (strlen(line) > 300)
		line[300] = '\0';
	said = cdc_redact(line, NULL, 0);
	pfree(words);
	return said;
}

/* Waits for the child; false at the deadline (it is killed, with its group). */
static bool
wait_for(pid_t pid, int seconds, int *status)
{
	int64		left = (int64) seconds * 1000;

	for (; left > 0; left -= POLL_MS)
	{
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		cdc_clock_pause(POLL_MS);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, status, 0);
	return false;
}

bool
agent_worker_restart(const AgentConfig *config, int state_fd, char **error)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	none;
	sigset_t	all;
	pid_t		pid;
	int			status = 0;
	int			out;
	int			rc;

	if (config->restart_command == NULL)
	{
		*error = pstrdup("the agent's configuration has no restart_command: restart the worker by hand");
		return false;
	}
	out = openat(state_fd, OUTPUT_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
	{
		*error = psprintf("could not open %s in state_dir: %m", OUTPUT_FILE);
		return false;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	rc = posix_spawnp(&pid, config->restart_command[0], &actions, &attributes, config->restart_command, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(out);
	if (rc != 0)
		*error = psprintf("restart_command \"%s\" does not start: %s", config->restart_command[0], strerror(rc));
	else if (!wait_for(pid, config->restart_timeout, &status))
		*error = psprintf("restart_command has not ended within %d s (restart_timeout)", config->restart_timeout);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
	{
		char	   *said = last_line(state_fd);

		*error = psprintf("restart_command failed with %s %d%s%s", WIFEXITED(status) ? "exit code" : "signal",
						  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said[0] ? ": " : "", said);
		pfree(said);
	}
	else
		return true;
	return false;
}
