# One image for the lab of docker-compose.yml: fakelivy, dbt with this adapter, chaos and toxiproxy's server.
FROM golang:1.24-bookworm AS toxiproxy
RUN go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0

FROM python:3.11-slim-bookworm
COPY --from=toxiproxy /go/bin/server /usr/local/bin/toxiproxy-server
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY adapter adapter
COPY fakelivy fakelivy
COPY chaos chaos
RUN pip install --no-cache-dir -c constraints.txt '.[chaos]'
# What it runs is code that others send it.
RUN useradd --create-home lab && install -d -o lab /warehouse /project
USER lab
WORKDIR /home/lab
CMD ["fakelivy", "serve"]
