-- common/helpers_secrets.sql: encrypting and decrypting (src/extension/common_secrets.c).

CREATE OR REPLACE FUNCTION cdc_inner.encrypt(clear text, owner text, purpose text, OUT key_id text, OUT ciphertext bytea)
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_encrypt';

CREATE OR REPLACE FUNCTION cdc_inner.decrypt(key_id text, ciphertext bytea, owner text, purpose text) RETURNS text
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_decrypt';

-- 32 random letters and digits.
CREATE OR REPLACE FUNCTION cdc_inner.random_secret() RETURNS text
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_random_secret';

CREATE OR REPLACE FUNCTION cdc_inner.reencrypt(old_key_file text, old_key_id text, old_ciphertext bytea, owner text, purpose text, OUT key_id text, OUT ciphertext bytea)
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_reencrypt';
