"""Lists as archives and servers have them."""

from __future__ import annotations

M, N = "aaf5b365c1b45083c014baa35657b463", "e80f09063bf017fa08b0dd881e840ed9"
MD5 = "9cdf0e31203bf2dc31c75dcd986ae90c"
AWS = "http://s3.amazonaws.com/doc/2006-03-01/"

# RFC 8493, 2.2.3
BAG = """http://h/a%20b.wav 26583 data/a%20b.wav
http://h/2?x=1   -\tdata/sub dir/c  d.txt
https://h/3 0 data/new%0Aline%0dCR%25percent
"""

CRAWL = (
    "crawl-data/CC-MAIN-2024-10/segments/1707947473347.0/warc/CC-MAIN-x-00000.warc.gz\n"
    "crawl-data/CC-MAIN-2024-10/segments/1707947473347.0/warc/CC-MAIN-x-00001.warc.gz\n"
)

# As the portal's API answers to fields=fastq_ftp,fastq_bytes,fastq_md5,submitted_ftp,…
ENA = (
    "run_accession\tfastq_ftp\tfastq_bytes\tfastq_md5\tsubmitted_ftp\tsubmitted_md5\tsra_ftp\n"
    "SRR16298157\t"
    "ftp.sra.ebi.ac.uk/vol1/fastq/SRR162/057/SRR16298157/SRR16298157_1.fastq.gz;"
    "ftp.sra.ebi.ac.uk/vol1/fastq/SRR162/057/SRR16298157/SRR16298157_2.fastq.gz\t"
    f"43409;42752\t{M};{N}\t\t\tftp.sra.ebi.ac.uk/vol1/srr/SRR162/057/SRR16298157\n"
    "ERR1\t\t\t\tftp.sra.ebi.ac.uk/vol1/run/ERR1/a b.bam;\t;\t\n"
    "ERR2\tftp://h/x.gz;h/y.gz\t1\t;\n"
)

INDEX = {
    "metadata": {"total_size": 28966928384},
    "weight_map": {
        "lm_head.weight": "model-00002-of-00002.safetensors",
        "model.embed_tokens.weight": "model-00001-of-00002.safetensors",
        "model.layers.0.weight": "model-00001-of-00002.safetensors",
    },
}

# As a MinIO gateway (JuiceFS 1.4) answered to encoding-type=url&list-type=2&prefix=data%2F.
MINIO = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="{AWS}"><Name>bkt</Name><Prefix>data/</Prefix><KeyCount>6</KeyCount>\
<MaxKeys>4500</MaxKeys><Delimiter></Delimiter><IsTruncated>false</IsTruncated>\
<Contents><Key>data/a.txt</Key><LastModified>2026-11-26T11:46:15.966Z</LastModified>\
<ETag>&#34;f281f7a30e0b0202afadf032657275e0&#34;</ETag><Size>11</Size>\
<StorageClass>STANDARD</StorageClass></Contents>\
<Contents><Key>data/b+c%2Bd%25.txt</Key><LastModified>2026-11-26T11:46:15.991Z</LastModified>\
<ETag>&#34;{MD5}&#34;</ETag><Size>22</Size><StorageClass>STANDARD</StorageClass></Contents>\
<Contents><Key>data/caf%C3%A9</Key><LastModified>2026-11-26T11:46:16.078Z</LastModified>\
<ETag>&#34;392a8de96cd2a95f764945de8c16cd71&#34;</ETag><Size>15</Size>\
<StorageClass>STANDARD</StorageClass></Contents>\
<Contents><Key>data/folder/</Key><LastModified>2026-11-26T11:46:06.476Z</LastModified>\
<ETag></ETag><Size>0</Size><StorageClass>STANDARD</StorageClass></Contents>\
<Contents><Key>data/sub/e%26.txt</Key><LastModified>2026-11-26T11:46:16.031Z</LastModified>\
<ETag>&#34;9a7245f8640573a57d4ce2c0ae0ff4d6-2&#34;</ETag><Size>18</Size>\
<StorageClass>STANDARD</StorageClass></Contents><EncodingType>url</EncodingType>\
</ListBucketResult>"""


def zenodo_file(key: str, **more: object) -> dict[str, object]:
    api = f"https://zenodo.org/api/records/1/files/{key}"
    return {
        "id": "5f1c",
        "key": key,
        "size": 5,
        "checksum": f"md5:{M}",
        "links": {"self": f"{api}/content"},
        **more,
    }
