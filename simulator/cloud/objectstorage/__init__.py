"""Object Storage: buckets, objects and their versions, multipart uploads, pre-authenticated requests, lifecycle."""
