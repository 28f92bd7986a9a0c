-- Takes off what the migrations after the first one have added.
DROP TRIGGER store_meta_sum_insert; DROP TRIGGER store_meta_sum_update; DROP TRIGGER store_meta_sum_delete; DROP TABLE store_meta_sums;
DROP TRIGGER memories_sum_insert; DROP TRIGGER memories_sum_update; DROP TRIGGER memories_sum_delete; DROP TABLE memories_sums;
DROP TRIGGER memory_vectors_sum_insert; DROP TRIGGER memory_vectors_sum_update; DROP TRIGGER memory_vectors_sum_delete; DROP TABLE memory_vectors_sums;
DROP TRIGGER memory_history_sum_insert; DROP TRIGGER memory_history_sum_update; DROP TRIGGER memory_history_sum_delete; DROP TABLE memory_history_sums;
DROP TRIGGER commit_log_sum_insert; DROP TRIGGER commit_log_sum_update; DROP VIEW commit_log_sums;
ALTER TABLE commit_log DROP COLUMN sum;
ALTER TABLE commit_log DROP COLUMN instance;
ALTER TABLE commit_log DROP COLUMN generation;
ALTER TABLE store_meta DROP COLUMN taken_from;
ALTER TABLE memory_history DROP COLUMN project;
PRAGMA user_version = 1;
