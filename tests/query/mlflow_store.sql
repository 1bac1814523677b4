-- A tracking store of MLflow 3.17.2 on SQLite: five traces of two experiments, a tag
-- set and a tag deleted later, two assessments. Recorded; the tables of traces only.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO trace_tags VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/tr-f7c6b6f104025f0410458c4880fb6429/artifacts','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_tags VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/tr-02e3a1f483eef96d5d3800c5016be27a/artifacts','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_tags VALUES('mlflow.trace.spansLocation','TRACKING_STORE','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_tags VALUES('mlflow.trace.spansLocation','TRACKING_STORE','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_tags VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/tr-0203be8eb26e24f6019081bb70b28f55/artifacts','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_tags VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/tr-3e7265de2ca19d90fc2c1beed7a216e4/artifacts','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_tags VALUES('mlflow.trace.spansLocation','TRACKING_STORE','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_tags VALUES('mlflow.trace.spansLocation','TRACKING_STORE','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_tags VALUES('environment','production','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_tags VALUES('environment','production','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_tags VALUES('environment','production','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_tags VALUES('mlflow.artifactLocation','/srv/mlruns/2/traces/tr-a2b8837cc9496bfad67daba475440276/artifacts','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_tags VALUES('mlflow.trace.spansLocation','TRACKING_STORE','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_tags VALUES('environment','production','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_tags VALUES('reviewed','yes','tr-3e7265de2ca19d90fc2c1beed7a216e4');
CREATE TABLE IF NOT EXISTS "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.branch','','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.commit','','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.repoURL','','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.source.name','shop.py','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.source.type','LOCAL','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.infoFinalized','true','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeBytes','3026','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeStats','{"total_size_bytes": 3026, "num_spans": 3, "max": 727, "p25": 615, "p50": 617, "p75": 672}','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.user','alice','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.traceInputs','{"question": "q2", "fail": false}','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.traceOutputs','{"role": "assistant", "content": "a tent: 189 €"}','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.trace_schema.version','3','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.user','root','tr-0203be8eb26e24f6019081bb70b28f55');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.branch','','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.commit','','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.repoURL','','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.source.name','shop.py','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.source.type','LOCAL','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.infoFinalized','true','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeBytes','3026','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeStats','{"total_size_bytes": 3026, "num_spans": 3, "max": 727, "p25": 615, "p50": 617, "p75": 672}','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.user','alice','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.traceInputs','{"question": "q1", "fail": false}','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.traceOutputs','{"role": "assistant", "content": "a tent: 189 €"}','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.trace_schema.version','3','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.user','root','tr-02e3a1f483eef96d5d3800c5016be27a');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.branch','','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.commit','','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.repoURL','','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.source.name','shop.py','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.source.type','LOCAL','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.infoFinalized','true','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeBytes','3027','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeStats','{"total_size_bytes": 3027, "num_spans": 3, "max": 727, "p25": 615, "p50": 617, "p75": 672}','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.user','alice','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.traceInputs','{"question": "q0", "fail": false}','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.traceOutputs','{"role": "assistant", "content": "a tent: 189 €"}','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.trace_schema.version','3','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.user','root','tr-f7c6b6f104025f0410458c4880fb6429');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.branch','','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.commit','','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.repoURL','','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.source.name','shop.py','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.source.type','LOCAL','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.infoFinalized','true','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeBytes','2933','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeStats','{"total_size_bytes": 2933, "num_spans": 2, "max": 1496, "p25": 833, "p50": 1054, "p75": 1275}','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.user','alice','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.traceInputs','{"question": "q3", "fail": true}','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.traceOutputs','','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.trace_schema.version','3','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.user','root','tr-3e7265de2ca19d90fc2c1beed7a216e4');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.branch','','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.commit','','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.source.git.repoURL','','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.source.name','shop.py','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.source.type','LOCAL','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.infoFinalized','true','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeBytes','3067','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.sizeStats','{"total_size_bytes": 3067, "num_spans": 3, "max": 734, "p25": 622, "p50": 624, "p75": 679}','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.trace.user','alice','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.traceInputs','{"question": "elsewhere", "fail": false}','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.traceOutputs','{"role": "assistant", "content": "a tent: 189 €"}','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.trace_schema.version','3','tr-a2b8837cc9496bfad67daba475440276');
INSERT INTO trace_request_metadata VALUES('mlflow.user','root','tr-a2b8837cc9496bfad67daba475440276');
CREATE TABLE entity_associations (
	association_id VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	created_time BIGINT, 
	CONSTRAINT entity_associations_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE IF NOT EXISTS "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO experiments VALUES(0,'Default','/srv/mlruns/0','active',1795829153052,1795829153052,'default');
INSERT INTO experiments VALUES(1,'shop','/srv/mlruns/1','active',1795829153159,1795829153159,'default');
INSERT INTO experiments VALUES(2,'other','/srv/mlruns/2','active',1795829155456,1795829155456,'default');
CREATE TABLE IF NOT EXISTS "trace_info" (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, 
	client_request_id VARCHAR(50), 
	request_preview VARCHAR(1000), 
	response_preview VARCHAR(1000), 
	db_payload_generation INTEGER DEFAULT '0' NOT NULL, trace_name VARCHAR(4096), session_id VARCHAR(250), input_tokens BIGINT, output_tokens BIGINT, total_tokens BIGINT, cache_read_input_tokens BIGINT, cache_creation_input_tokens BIGINT, cache_creation_input_tokens_above_1hr BIGINT, input_cost FLOAT, output_cost FLOAT, total_cost FLOAT, 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO trace_info VALUES('tr-f7c6b6f104025f0410458c4880fb6429',1,1795829154224,534,'OK','req-q0','{"question": "q0", "fail": false}','{"role": "assistant", "content": "a tent: 189 €"}',2,'answer','s1',11,4,15,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO trace_info VALUES('tr-02e3a1f483eef96d5d3800c5016be27a',1,1795829154759,24,'OK','req-q1','{"question": "q1", "fail": false}','{"role": "assistant", "content": "a tent: 189 €"}',3,'answer','s1',11,4,15,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO trace_info VALUES('tr-0203be8eb26e24f6019081bb70b28f55',1,1795829154808,13,'OK','req-q2','{"question": "q2", "fail": false}','{"role": "assistant", "content": "a tent: 189 €"}',1,'answer','s1',11,4,15,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO trace_info VALUES('tr-3e7265de2ca19d90fc2c1beed7a216e4',1,1795829154822,164,'ERROR','req-q3','{"question": "q3", "fail": true}',NULL,3,'answer','s1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO trace_info VALUES('tr-a2b8837cc9496bfad67daba475440276',2,1795829157797,2,'OK','req-elsewhere','{"question": "elsewhere", "fail": false}','{"role": "assistant", "content": "a tent: 189 €"}',2,'answer','s1',11,4,15,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE IF NOT EXISTS "assessments" (
	assessment_id VARCHAR(50) NOT NULL, 
	trace_id VARCHAR(50) NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	assessment_type VARCHAR(20) NOT NULL, 
	value TEXT NOT NULL, 
	error TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	source_type VARCHAR(50) NOT NULL, 
	source_id VARCHAR(250), 
	run_id VARCHAR(32), 
	span_id VARCHAR(50), 
	rationale TEXT, 
	overrides VARCHAR(50), 
	valid BOOLEAN NOT NULL, 
	assessment_metadata TEXT, 
	experiment_id INTEGER, 
	trace_timestamp_ms BIGINT, 
	aggregate_value FLOAT, 
	is_numeric_value BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT assessments_pk PRIMARY KEY (assessment_id), 
	CONSTRAINT fk_assessments_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO assessments VALUES('a-e71cce1088e94a94af482ddc31948e9f','tr-3e7265de2ca19d90fc2c1beed7a216e4','good','feedback','true',NULL,1795829159596,1795829159596,'CODE','default',NULL,NULL,NULL,NULL,1,NULL,1,1795829154822,1.0,0);
INSERT INTO assessments VALUES('a-20d8225d51cd4ac38fce0778cee7a4e5','tr-3e7265de2ca19d90fc2c1beed7a216e4','expected','expectation','"a tent"',NULL,1795829159655,1795829159655,'HUMAN','default',NULL,NULL,NULL,NULL,1,NULL,1,1795829154822,NULL,0);
CREATE TABLE IF NOT EXISTS "spans" (
	trace_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	parent_span_id VARCHAR(50), 
	name TEXT, 
	type VARCHAR(500), 
	status VARCHAR(50) NOT NULL, 
	start_time_unix_nano BIGINT NOT NULL, 
	end_time_unix_nano BIGINT, 
	duration_ns BIGINT GENERATED ALWAYS AS (end_time_unix_nano - start_time_unix_nano) STORED, 
	content TEXT NOT NULL, 
	input_cost FLOAT, 
	output_cost FLOAT, 
	total_cost FLOAT, 
	model_name VARCHAR(500), 
	model_provider VARCHAR(500), 
	CONSTRAINT spans_pk PRIMARY KEY (trace_id, span_id), 
	CONSTRAINT fk_spans_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_spans_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO spans VALUES('tr-f7c6b6f104025f0410458c4880fb6429',1,'227d5d5c77146fc4','563d7838ef5d2f00','retrieve','RETRIEVER','OK',1795829154757288769,1795829154758261393,'{"trace_id": "98a28QQCXwQQRYxIgPtkKQ==", "span_id": "In1dXHcUb8Q=", "parent_span_id": "Vj14OO9dLwA=", "name": "retrieve", "start_time_unix_nano": 1795829154757288769, "end_time_unix_nano": 1795829154758261393, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-f7c6b6f104025f0410458c4880fb6429\"", "mlflow.spanType": "\"RETRIEVER\"", "mlflow.spanFunctionName": "\"retrieve\"", "mlflow.spanInputs": "{\"question\": \"q0\"}", "mlflow.spanOutputs": "[{\"page_content\": \"a tent\", \"metadata\": {\"id\": 7}}]", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-f7c6b6f104025f0410458c4880fb6429',1,'dad28088de4d0e53','563d7838ef5d2f00','chat','CHAT_MODEL','OK',1795829154758695372,1795829154759116879,'{"trace_id": "98a28QQCXwQQRYxIgPtkKQ==", "span_id": "2tKAiN5NDlM=", "parent_span_id": "Vj14OO9dLwA=", "name": "chat", "start_time_unix_nano": 1795829154758695372, "end_time_unix_nano": 1795829154759116879, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-f7c6b6f104025f0410458c4880fb6429\"", "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanFunctionName": "\"chat\"", "mlflow.spanInputs": "{\"question\": \"q0\"}", "mlflow.chat.tokenUsage": "{\"input_tokens\": 11, \"output_tokens\": 4, \"total_tokens\": 15}", "temperature": "0.5", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-f7c6b6f104025f0410458c4880fb6429',1,'563d7838ef5d2f00',NULL,'answer','UNKNOWN','OK',1795829154224515248,1795829154759305390,'{"trace_id": "98a28QQCXwQQRYxIgPtkKQ==", "span_id": "Vj14OO9dLwA=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1795829154224515248, "end_time_unix_nano": 1795829154759305390, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-f7c6b6f104025f0410458c4880fb6429\"", "mlflow.spanType": "\"UNKNOWN\"", "mlflow.spanFunctionName": "\"answer\"", "mlflow.spanInputs": "{\"question\": \"q0\", \"fail\": false}", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "10"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-02e3a1f483eef96d5d3800c5016be27a',1,'4e7420422cefaceb','5f6e1a0f4d54643e','retrieve','RETRIEVER','OK',1795829154781375196,1795829154782421838,'{"trace_id": "AuOh9IPu+W1dOADFAWvieg==", "span_id": "TnQgQizvrOs=", "parent_span_id": "X24aD01UZD4=", "name": "retrieve", "start_time_unix_nano": 1795829154781375196, "end_time_unix_nano": 1795829154782421838, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-02e3a1f483eef96d5d3800c5016be27a\"", "mlflow.spanType": "\"RETRIEVER\"", "mlflow.spanFunctionName": "\"retrieve\"", "mlflow.spanInputs": "{\"question\": \"q1\"}", "mlflow.spanOutputs": "[{\"page_content\": \"a tent\", \"metadata\": {\"id\": 7}}]", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-02e3a1f483eef96d5d3800c5016be27a',1,'9f7100532d0128e8','5f6e1a0f4d54643e','chat','CHAT_MODEL','OK',1795829154782818828,1795829154783488607,'{"trace_id": "AuOh9IPu+W1dOADFAWvieg==", "span_id": "n3EAUy0BKOg=", "parent_span_id": "X24aD01UZD4=", "name": "chat", "start_time_unix_nano": 1795829154782818828, "end_time_unix_nano": 1795829154783488607, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-02e3a1f483eef96d5d3800c5016be27a\"", "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanFunctionName": "\"chat\"", "mlflow.spanInputs": "{\"question\": \"q1\"}", "mlflow.chat.tokenUsage": "{\"input_tokens\": 11, \"output_tokens\": 4, \"total_tokens\": 15}", "temperature": "0.5", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-02e3a1f483eef96d5d3800c5016be27a',1,'5f6e1a0f4d54643e',NULL,'answer','UNKNOWN','OK',1795829154759772321,1795829154783854049,'{"trace_id": "AuOh9IPu+W1dOADFAWvieg==", "span_id": "X24aD01UZD4=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1795829154759772321, "end_time_unix_nano": 1795829154783854049, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-02e3a1f483eef96d5d3800c5016be27a\"", "mlflow.spanType": "\"UNKNOWN\"", "mlflow.spanFunctionName": "\"answer\"", "mlflow.spanInputs": "{\"question\": \"q1\", \"fail\": false}", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "10"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-0203be8eb26e24f6019081bb70b28f55',1,'eaa37c16fe616e33','c3dad6e247c720c4','retrieve','RETRIEVER','OK',1795829154810108210,1795829154821016646,'{"trace_id": "AgO+jrJuJPYBkIG7cLKPVQ==", "span_id": "6qN8Fv5hbjM=", "parent_span_id": "w9rW4kfHIMQ=", "name": "retrieve", "start_time_unix_nano": 1795829154810108210, "end_time_unix_nano": 1795829154821016646, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-0203be8eb26e24f6019081bb70b28f55\"", "mlflow.spanType": "\"RETRIEVER\"", "mlflow.spanFunctionName": "\"retrieve\"", "mlflow.spanInputs": "{\"question\": \"q2\"}", "mlflow.spanOutputs": "[{\"page_content\": \"a tent\", \"metadata\": {\"id\": 7}}]", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-0203be8eb26e24f6019081bb70b28f55',1,'4ffdc7591802d088','c3dad6e247c720c4','chat','CHAT_MODEL','OK',1795829154821462528,1795829154822042029,'{"trace_id": "AgO+jrJuJPYBkIG7cLKPVQ==", "span_id": "T/3HWRgC0Ig=", "parent_span_id": "w9rW4kfHIMQ=", "name": "chat", "start_time_unix_nano": 1795829154821462528, "end_time_unix_nano": 1795829154822042029, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-0203be8eb26e24f6019081bb70b28f55\"", "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanFunctionName": "\"chat\"", "mlflow.spanInputs": "{\"question\": \"q2\"}", "mlflow.chat.tokenUsage": "{\"input_tokens\": 11, \"output_tokens\": 4, \"total_tokens\": 15}", "temperature": "0.5", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-0203be8eb26e24f6019081bb70b28f55',1,'c3dad6e247c720c4',NULL,'answer','UNKNOWN','OK',1795829154808872534,1795829154822415415,'{"trace_id": "AgO+jrJuJPYBkIG7cLKPVQ==", "span_id": "w9rW4kfHIMQ=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1795829154808872534, "end_time_unix_nano": 1795829154822415415, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-0203be8eb26e24f6019081bb70b28f55\"", "mlflow.spanType": "\"UNKNOWN\"", "mlflow.spanFunctionName": "\"answer\"", "mlflow.spanInputs": "{\"question\": \"q2\", \"fail\": false}", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "10"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-3e7265de2ca19d90fc2c1beed7a216e4',1,'c8819d4fc1f98979','78b6dee6e0f510e4','retrieve','RETRIEVER','OK',1795829154867572454,1795829154868345386,'{"trace_id": "PnJl3iyhnZD8LBvu16IW5A==", "span_id": "yIGdT8H5iXk=", "parent_span_id": "eLbe5uD1EOQ=", "name": "retrieve", "start_time_unix_nano": 1795829154867572454, "end_time_unix_nano": 1795829154868345386, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-3e7265de2ca19d90fc2c1beed7a216e4\"", "mlflow.spanType": "\"RETRIEVER\"", "mlflow.spanFunctionName": "\"retrieve\"", "mlflow.spanInputs": "{\"question\": \"q3\"}", "mlflow.spanOutputs": "[{\"page_content\": \"a tent\", \"metadata\": {\"id\": 7}}]", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-3e7265de2ca19d90fc2c1beed7a216e4',1,'78b6dee6e0f510e4',NULL,'answer','UNKNOWN','ERROR',1795829154822857219,1795829154987030943,'{"trace_id": "PnJl3iyhnZD8LBvu16IW5A==", "span_id": "eLbe5uD1EOQ=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1795829154822857219, "end_time_unix_nano": 1795829154987030943, "events": [{"name": "exception", "time_unix_nano": 1795829154914253312, "attributes": {"exception.message": "boom", "exception.type": "ValueError", "exception.stacktrace": "Traceback (most recent call last):\n  File \"/usr/lib/python3.11/site-packages/mlflow/tracing/provider.py\", line 306, in with_active_span\n    yield\n  File \"/usr/lib/python3.11/site-packages/mlflow/tracing/fluent.py\", line 695, in start_span\n    yield mlflow_span\n  File \"/usr/lib/python3.11/site-packages/mlflow/tracing/fluent.py\", line 335, in _wrapping_logic\n    result = yield  # sync/async function output to be sent here\n             ^^^^^\n  File \"/usr/lib/python3.11/site-packages/mlflow/tracing/fluent.py\", line 383, in wrapper\n    return wrapping_coro.send(fn(*args, **kwargs))\n                              ^^^^^^^^^^^^^^^^^^^\n  File \"/srv/shop.py\", line 23, in answer\n    raise ValueError(\"boom\")\nValueError: boom"}}], "status": {"code": "STATUS_CODE_ERROR", "message": "ValueError: boom"}, "attributes": {"mlflow.traceRequestId": "\"tr-3e7265de2ca19d90fc2c1beed7a216e4\"", "mlflow.spanType": "\"UNKNOWN\"", "mlflow.spanFunctionName": "\"answer\"", "mlflow.spanInputs": "{\"question\": \"q3\", \"fail\": true}", "mlflow.spanLogLevel": "40"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-a2b8837cc9496bfad67daba475440276',2,'56db8b7cc9df9aff','f516113818dff6f4','retrieve','RETRIEVER','OK',1795829157797917403,1795829157798357825,'{"trace_id": "oriDfMlJa/rWfaukdUQCdg==", "span_id": "VtuLfMnfmv8=", "parent_span_id": "9RYROBjf9vQ=", "name": "retrieve", "start_time_unix_nano": 1795829157797917403, "end_time_unix_nano": 1795829157798357825, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-a2b8837cc9496bfad67daba475440276\"", "mlflow.spanType": "\"RETRIEVER\"", "mlflow.spanFunctionName": "\"retrieve\"", "mlflow.spanInputs": "{\"question\": \"elsewhere\"}", "mlflow.spanOutputs": "[{\"page_content\": \"a tent\", \"metadata\": {\"id\": 7}}]", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-a2b8837cc9496bfad67daba475440276',2,'16c2ec33f77d4538','f516113818dff6f4','chat','CHAT_MODEL','OK',1795829157798677321,1795829157799119866,'{"trace_id": "oriDfMlJa/rWfaukdUQCdg==", "span_id": "FsLsM/d9RTg=", "parent_span_id": "9RYROBjf9vQ=", "name": "chat", "start_time_unix_nano": 1795829157798677321, "end_time_unix_nano": 1795829157799119866, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-a2b8837cc9496bfad67daba475440276\"", "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanFunctionName": "\"chat\"", "mlflow.spanInputs": "{\"question\": \"elsewhere\"}", "mlflow.chat.tokenUsage": "{\"input_tokens\": 11, \"output_tokens\": 4, \"total_tokens\": 15}", "temperature": "0.5", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "20"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO spans VALUES('tr-a2b8837cc9496bfad67daba475440276',2,'f516113818dff6f4',NULL,'answer','UNKNOWN','OK',1795829157797088317,1795829157799307507,'{"trace_id": "oriDfMlJa/rWfaukdUQCdg==", "span_id": "9RYROBjf9vQ=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1795829157797088317, "end_time_unix_nano": 1795829157799307507, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.traceRequestId": "\"tr-a2b8837cc9496bfad67daba475440276\"", "mlflow.spanType": "\"UNKNOWN\"", "mlflow.spanFunctionName": "\"answer\"", "mlflow.spanInputs": "{\"question\": \"elsewhere\", \"fail\": false}", "mlflow.spanOutputs": "{\"role\": \"assistant\", \"content\": \"a tent: 189 €\"}", "mlflow.spanLogLevel": "10"}, "links": []}',NULL,NULL,NULL,NULL,NULL);
COMMIT;
