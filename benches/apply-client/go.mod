module apply-client

go 1.22
