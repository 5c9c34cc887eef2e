module cdc_pipeline/test/go

go 1.24.13

require github.com/UpCloudLtd/upcloud-go-api/v8 v8.35.0
