app "web" {
  owner = "team-web"

  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }
}
