use super::*;

#[test]
fn the_first_of_two_settings_counts_and_the_url_decides_the_bucket() {
    let settings: Vec<_> = [
        ("AWS_ENDPOINT", "http://first"),
        ("AWS_ENDPOINT_URL", "http://second"),
        ("AWS_BUCKET", "other"),
        ("AWS_PROFILE", "ignored"),
        ("GOOGLE_BUCKET", "ignored"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let is_bucket = |key: &AmazonS3ConfigKey| *key == AmazonS3ConfigKey::Bucket;
    let known = known_settings(&settings, "aws_", is_bucket);
    assert_eq!(
        known,
        [(AmazonS3ConfigKey::Endpoint, "http://first".to_owned())]
    );
}

#[test]
fn buckets_with_the_same_url_at_two_endpoints_have_different_locations() {
    let url = BucketUrl::parse("s3://name/prefix").unwrap();
    let at = |endpoint: &str| {
        let setting = ("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned());
        location(&url, &[setting])
    };
    assert_eq!(location(&url, &[]), "s3://name/prefix");
    assert_eq!(at("http://a"), "s3://name/prefix at http://a");
    assert_ne!(at("http://a"), at("http://b"));
    let directory = BucketUrl::parse("file:///bucket").unwrap();
    let setting = ("AWS_ENDPOINT_URL".to_owned(), "http://a".to_owned());
    assert_eq!(location(&directory, &[setting]), "file:///bucket");
}

#[test]
fn stores_are_opened_without_a_request() {
    let settings: Vec<_> = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("GOOGLE_SKIP_SIGNATURE", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for url in ["s3://name/prefix", "az://name", "gs://name"] {
        let url = BucketUrl::parse(url).unwrap();
        open(&url, &settings, &BucketTiming::default()).unwrap();
    }
    let url = BucketUrl::parse("s3://name/prefix").unwrap();
    let mut blocked = settings;
    blocked.retain(|(name, _)| name != "AWS_ALLOW_HTTP");
    let error = open(&url, &blocked, &BucketTiming::default()).unwrap_err();
    assert!(error.to_string().contains("AWS_ALLOW_HTTP=true"), "{error}");
    let incomplete = [("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned())];
    let url = BucketUrl::parse("s3://name").unwrap();
    let error = open(&url, &incomplete, &BucketTiming::default()).unwrap_err();
    assert!(
        error.to_string().contains("its settings are invalid"),
        "{error}"
    );
}
