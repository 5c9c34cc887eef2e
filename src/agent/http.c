/*
 * http.c
 *	  See http.h.
 */
#include "agent/http.h"

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	AgentAnswer *answer = arg;

	if (answer->body.len + size * n > answer->max)
		return 0;
	appendBinaryStringInfo(&answer->body, data, (int) (size * n));
	return size * n;
}

bool
agent_http(CURL *easy, const char *url, long timeout_ms, size_t max, AgentAnswer *answer, char **error)
{
	char		words[CURL_ERROR_SIZE] = "";
	CURLcode	code;

	answer->status = 0;
	answer->max = max;
	initStringInfo(&answer->body);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	code = curl_easy_perform(easy);
	if (code == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
	else
		*error = pstrdup(words[0] ? words : curl_easy_strerror(code));
	curl_easy_cleanup(easy);
	return code == CURLE_OK;
}
